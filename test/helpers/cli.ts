/** The command line: as production runs it, or inside the test, which spares the start of a process. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { invoke } from '../../src/cli/invoke.js'
import { readConfig } from '../../src/config.js'

/** Compiled with the tests by test/run.ts. */
export const cli = ['dist-test/src/cli/main.js']

export interface Ended {
  status: number
  stdout: string
  stderr: string
}

const saying = new AsyncLocalStorage<Ended>()
for (const [method, stream] of [
  ['log', 'stdout'],
  ['error', 'stderr'],
] as const) {
  const elsewhere = console[method].bind(console)
  console[method] = (...said: unknown[]) => {
    const own = saying.getStore()
    if (own === undefined) elsewhere(...said)
    else own[stream] += `${said.map(String).join(' ')}\n`
  }
}

/** A command without a process of its own: arguments, settings, output and exit code. Several may run at once. */
export function command(args: string[], environment: Record<string, string | undefined> = {}): Promise<Ended> {
  const ended: Ended = { status: -1, stdout: '', stderr: '' }
  return saying.run(ended, async () => {
    ended.status = await invoke(args, () => readConfig(environment))
    return ended
  })
}

/**
 * An executable in `folder` for scripts that call the command line often: the compiled program or, with `inside`, the
 * same command within this process.
 */
export async function executable(
  t: { teardown(action: () => unknown): unknown },
  folder: string,
  { inside = false, settings = {} }: { inside?: boolean; settings?: Record<string, string> } = {},
): Promise<string> {
  const file = join(folder, inside ? 'attempt-api-inside' : 'attempt-api')
  let script = `exec "${process.execPath}" "${resolve(cli[0] as string)}" "$@"`
  if (inside) {
    const server = createServer((request, response) => {
      void text(request).then(async (sent) => {
        const [databaseUrl, ...args] = sent.trim().split('\n')
        const { status, stdout, stderr } = await command(args, { ...settings, DATABASE_URL: databaseUrl })
        response.end(`${status}\n${stdout}${stderr}`)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    script = `answer=$(printf '%s\n' "$DATABASE_URL" "$@" | curl --silent --data-binary @- http://127.0.0.1:${(server.address() as AddressInfo).port}/)
printf '%s\n' "$answer" | tail -n +2
exit "$(printf '%s\n' "$answer" | head -n 1)"`
  }
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}
