/** `--replace`: drops views that get other columns, and recreates their dependants and grants, or changes nothing. */
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { dependantsOf, notRecreatable, readViewStates, type ViewState } from './dependants.js'
import { oidOf, restoreGrants, roleName } from './grants.js'
import { isLockFailure } from './retry-budget.js'
import type { MigrationSession } from './session.js'
import { viewColumns } from './view-columns.js'

export interface SavedViews {
  /** All views that are dropped, each after what it reads. */
  all: ViewState[]
  /** Those of them that the migration creates again: their names in view-columns.ts by oid. */
  own: ReadonlyMap<string, string>
}

const refused = (what: string, cause?: unknown) =>
  new Error(`The view attempt cannot be replaced: ${what}. Nothing was changed.`, { cause })
const literal = (value: string) => pg.escapeLiteral(value)
const kindOf = ({ kind }: ViewState) => (kind === 'm' ? 'materialized view' : 'view')

/** Reads definitions with every name qualified, so that they do not depend on the search_path. */
async function readQualified(client: pg.ClientBase, oids: readonly string[]): Promise<ViewState[]> {
  const {
    rows: [before],
  } = await client.query<{ path: string }>(
    `select current_setting('search_path') as path, set_config('search_path', 'pg_catalog', true)`,
  )
  const views = await readViewStates(client, oids)
  await client.query(`select set_config('search_path', $1, true)`, [before?.path ?? ''])
  return views
}

/** Locks the views and reads their dependants until no new dependant appears. @returns the oids */
async function lockDependants({ client, shortenWaits }: MigrationSession, oids: readonly string[]): Promise<string[]> {
  const dependants = async () => (await dependantsOf(client, oids, true)).map((one) => one.oid)
  let locked = await dependants()
  for (;;) {
    // the readers first and then what they read: the order in which a query on a view locks them
    for (const view of (await readQualified(client, locked)).reverse()) {
      try {
        // changes nothing and takes the table lock that the drop needs
        await client.query(`alter ${kindOf(view)} ${view.name} owner to ${roleName(view.owner)}`)
        shortenWaits()
      } catch (error) {
        throw isLockFailure(error)
          ? error
          : refused(`${view.described} belongs to ${view.owner}: ${(error as Error).message}`, error)
      }
    }
    const now = await dependants()
    if (isDeepStrictEqual(now, locked)) return locked
    locked = now
  }
}

/**
 * Saves everything that must be there again, while no other session can change it.
 * @param replaced oids of the views that get other columns
 * @param own names of the views that the migration creates, by oid
 * @throws Error that names what cannot be recreated
 */
export async function saveViews(
  session: MigrationSession,
  replaced: readonly string[],
  own: ReadonlyMap<string, string>,
): Promise<SavedViews> {
  const { client } = session
  const all = await readQualified(client, await lockDependants(session, replaced))
  const [view, ...rest] = all
  if (view === undefined) throw refused('it no longer exists')
  const unsupported = await notRecreatable(client, view.oid, rest)
  if (unsupported.length > 0)
    throw refused(`${unsupported.join(', ')} cannot be recreated by this command; drop or change it first`)
  for (const one of all) {
    const name = own.get(one.oid)
    if (name === undefined) continue
    const lost = one.columns.filter(
      (column) => column.grants.length > 0 && !viewColumns[name]?.some((kept) => kept.name === column.name),
    )
    if (lost.length > 0)
      throw refused(
        `${name === 'attempt' ? 'its columns' : `columns of ${name},`} ` +
          `${lost.map((column) => column.name).join(', ')} have grants, ` +
          'and the new view does not have these columns; revoke the grants first',
      )
  }
  return { all, own }
}

export async function dropViews(client: pg.ClientBase, { all }: SavedViews): Promise<void> {
  for (const one of [...all].reverse()) await client.query(`drop ${kindOf(one)} ${one.name}`)
}

async function createView(client: pg.ClientBase, one: ViewState): Promise<void> {
  const materialized = one.kind === 'm'
  const method = materialized && one.method !== null ? ` using ${pg.escapeIdentifier(one.method)}` : ''
  const options = one.options.map((option) => {
    const at = option.indexOf('=')
    return `${option.slice(0, at)} = ${literal(option.slice(at + 1))}`
  })
  const storage = options.length === 0 ? '' : ` with (${options.join(', ')})`
  const tablespace = one.tablespace === null ? '' : ` tablespace ${pg.escapeIdentifier(one.tablespace)}`
  const data = materialized ? ` with ${one.populated ? '' : 'no '}data` : ''
  await client.query(
    `create ${kindOf(one)} ${one.name}${method}${storage}${tablespace} as ` +
      `${one.definition.trim().replace(/;$/, '')}${data}`,
  )
  for (const index of one.indexes) {
    await client.query(index.definition)
    if (index.comment !== null) await client.query(`comment on index ${index.name} is ${literal(index.comment)}`)
    const name = index.name.slice(index.name.lastIndexOf('.') + 1)
    if (index.clustered) await client.query(`alter ${kindOf(one)} ${one.name} cluster on ${name}`)
  }
  if (one.comment !== null) await client.query(`comment on ${kindOf(one)} ${one.name} is ${literal(one.comment)}`)
  for (const { name, comment, fallback } of one.columns) {
    const column = pg.escapeIdentifier(name)
    if (comment !== null) await client.query(`comment on column ${one.name}.${column} is ${literal(comment)}`)
    if (fallback !== null) await client.query(`alter view ${one.name} alter column ${column} set default ${fallback}`)
  }
  await client.query(`alter ${kindOf(one)} ${one.name} owner to ${roleName(one.owner)}`)
}

/** What must be the same as before; the types of columns follow those of the view. */
const comparable = ({ oid: _oid, described: _described, columns, definition: _definition, ...rest }: ViewState) => ({
  ...rest,
  columns: columns.map(({ type: _type, ...column }) => column),
})

/**
 * Recreates what `dropViews` dropped, after the migration has created its own views.
 * @returns what was done, in sentences
 * @throws Error that names what cannot be recreated as it was
 */
export async function recreateViews(client: pg.ClientBase, { all, own }: SavedViews): Promise<string[]> {
  const orRefuse = async (what: string, action: () => Promise<void>) => {
    try {
      await action()
    } catch (error) {
      throw isLockFailure(error) ? error : refused(`${what} cannot be recreated: ${(error as Error).message}`, error)
    }
  }
  for (const one of all) {
    const name = own.get(one.oid)
    if (name !== undefined)
      await orRefuse(name === 'attempt' ? 'its grants' : `the grants of ${name}`, () => restoreGrants(client, one))
    else
      await orRefuse(one.described, async () => {
        await createView(client, one)
        await restoreGrants(client, one)
      })
  }
  const oids: string[] = []
  for (const { name } of all) oids.push(await oidOf(client, name))
  const recreated = await readQualified(client, oids)
  return all.map((before, at) => {
    const after = recreated[at]
    const name = own.get(before.oid)
    if (name !== undefined) {
      if (!isDeepStrictEqual(after?.grants, before.grants) || after?.owner !== before.owner)
        throw refused(`owner and grants of ${name} would change`)
      return `replaced the view ${name}; its grants are unchanged`
    }
    if (after === undefined || !isDeepStrictEqual(comparable(after), comparable(before)))
      throw refused(`${before.described} would change (owner, options, comments, columns, indexes or grants)`)
    const types = after.columns
      .filter(({ type }, place) => type !== before.columns[place]?.type)
      .map((column) => `${column.name} is now ${column.type}`)
    return `recreated ${before.described}${types.length > 0 ? `; ${types.join(', ')}` : ''}`
  })
}
