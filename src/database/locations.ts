/** Where a session finds the relations of the service: statements name their schema and never use the search_path. */
import type pg from 'pg'
import { ownSchema } from './statement.js'
import { locate } from './owners.js'
import { leavePath, setPath } from './trust.js'

interface Locations {
  /** Whether the session has left its path for good. */
  left: boolean
  /** The qualified name of each relation that exists and may be used. */
  relations: ReadonlyMap<string, string>
  /** Texts with the names in their place: there are as many as statements. */
  texts: Map<string, string>
}

const locations = new WeakMap<pg.ClientBase, Locations>()

const ownName = new RegExp(`"${ownSchema}"\\.(\\w+)`, 'g')
/** Longer texts have literals and are run once. */
const maxTexts = 500

/**
 * @param client has left its search_path, which was `path`
 * @param left whether it stays so
 */
export async function rememberLocations(
  client: pg.ClientBase,
  within: Pick<pg.ClientBase, 'query'>,
  path: readonly string[],
  left: boolean,
): Promise<void> {
  const found = await locate(within, path)
  const usable = found.filter(({ reason }) => reason === null)
  const relations = new Map(usable.map(({ name, relation }) => [name, relation]))
  locations.set(client, { left, relations, texts: new Map() })
}

/** Looks on the path of the role or the URL. A session of another pool than createPool's stays on its own. */
async function rememberOnPath(client: pg.ClientBase): Promise<void> {
  const left = locations.get(client)?.left ?? false
  if (left) await client.query('reset search_path')
  const { path, setting } = await leavePath(client, false)
  await rememberLocations(client, client, path, left)
  if (!left) await setPath(client, setting, false)
}

const located = (text: string, relations: Locations['relations']): string =>
  // in pg_catalog nobody can create: a relation that is missing, or of a role that is not trusted, does not exist there
  text.replace(ownName, (_all, name: string) => relations.get(name) ?? `pg_catalog.${name}`)

/**
 * The text with the schema of each relation. A promise only if the session must look for a relation, which it does at
 * its first statement, and again for a relation that it did not find.
 */
export function withLocations(client: pg.ClientBase, text: string): string | Promise<string> {
  if (!text.includes(ownSchema)) return text
  const known = locations.get(client)
  const cached = known?.texts.get(text)
  if (cached !== undefined) return cached
  if (known !== undefined && [...text.matchAll(ownName)].every(([, name = '']) => known.relations.has(name))) {
    const result = located(text, known.relations)
    if (known.texts.size >= maxTexts) known.texts.clear()
    if (text.length < 20_000 && !text.startsWith('copy')) known.texts.set(text, result)
    return result
  }
  return rememberOnPath(client).then(() => located(text, locations.get(client)?.relations ?? new Map()))
}
