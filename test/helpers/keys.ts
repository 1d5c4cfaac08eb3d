/** Keys and files of keys for tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKey } from '../../src/access/api-keys.js'

export const entryOf = (name: string, { hash }: { hash: string }, scopes: string[], expires = '2999-01-01') => ({
  name,
  sha256: hash,
  scopes,
  expires,
})

/** A file of keys, one for each list of scopes by name; gone when the test ends. */
export function keyFile<N extends string>(
  t: { teardown(action: () => unknown): unknown },
  scopes: Record<N, string[]>,
  expires?: string,
): { file: string; keys: Record<N, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'attempt-keys-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const made = (Object.entries(scopes) as [N, string[]][]).map(([name, given]) => ({ name, given, ...createKey() }))
  const file = join(folder, 'keys.json')
  writeFileSync(file, JSON.stringify({ keys: made.map((one) => entryOf(one.name, one, one.given, expires)) }))
  return { file, keys: Object.fromEntries(made.map(({ name, key }) => [name, key])) as Record<N, string> }
}
