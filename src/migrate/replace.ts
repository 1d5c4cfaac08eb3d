/** `--replace`: views that get other columns, with their dependants and grants taken down and put up again, or nothing. */
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { dependantsOf, describeViews, unmovable, type Grant, type ViewState } from './dependants.js'
import { lockColumns } from './lock-columns.js'
import { isLockFailure } from './retry-budget.js'
import type { MigrationSession } from './session.js'

export interface Saved {
  /** Everything that is dropped; what is read comes first. */
  all: ViewState[]
  /** Of these the lock's, which its migration makes again, by their oid. */
  locks: ReadonlyMap<string, string>
}

const refused = (what: string, cause?: unknown) =>
  new Error(`The view attempt cannot be replaced: ${what}. Nothing was changed.`, { cause })
const text = (value: string) => pg.escapeLiteral(value)
const role = (name: string | null) => (name === null ? 'public' : pg.escapeIdentifier(name))
const kind = ({ kind: letter }: ViewState) => (letter === 'm' ? 'materialized view' : 'view')

/** Reads definitions with every name qualified, so that they mean the same whatever the path. */
async function described(client: pg.ClientBase, oids: readonly string[]): Promise<ViewState[]> {
  const {
    rows: [path],
  } = await client.query<{ path: string }>(
    `select current_setting('search_path') as path, set_config('search_path', 'pg_catalog', true)`,
  )
  const views = await describeViews(client, oids)
  await client.query(`select set_config('search_path', $1, true)`, [path?.path ?? ''])
  return views
}

/**
 * All that must be there again, read while nobody else can change it.
 * @param others the views that get other columns
 * @param locks the names of the lock's views by their oid
 * @throws Error that names what could not be recreated
 */
export async function capture(
  { client, holding }: MigrationSession,
  others: readonly string[],
  locks: ReadonlyMap<string, string>,
): Promise<Saved> {
  const reading = async () => (await dependantsOf(client, others, true)).map((one) => one.oid)
  let oids = await reading()
  for (;;) {
    // the readers first and then what they read, as whoever uses them locks them
    for (const view of (await described(client, oids)).reverse()) {
      try {
        // changes nothing and takes the lock that the drop will need
        await client.query(`alter ${kind(view)} ${view.name} owner to ${role(view.owner)}`)
        holding()
      } catch (error) {
        throw isLockFailure(error)
          ? error
          : refused(`${view.described} belongs to ${view.owner}: ${(error as Error).message}`, error)
      }
    }
    const found = await reading()
    if (isDeepStrictEqual(found, oids)) break
    oids = found
  }
  const all = await described(client, oids)
  const [view, ...rest] = all
  if (view === undefined) throw refused('it is gone')
  const hanging = await unmovable(client, view.oid, rest)
  if (hanging.length > 0)
    throw refused(`${hanging.join(', ')} cannot be recreated by this command; drop or change it first`)
  for (const one of all) {
    const lock = locks.get(one.oid)
    const gone =
      lock === undefined
        ? []
        : one.columns.filter(
            ({ name, grants }) => grants.length > 0 && !lockColumns[lock]?.some((locked) => locked.name === name),
          )
    if (gone.length > 0)
      throw refused(
        `${lock === 'attempt' ? 'its columns' : `columns of ${lock},`} ${gone.map(({ name }) => name).join(', ')} have grants, and the lock has no such columns; revoke them first`,
      )
  }
  return { all, locks }
}

export async function drop(client: pg.ClientBase, { all }: Saved): Promise<void> {
  for (const one of [...all].reverse()) await client.query(`drop ${kind(one)} ${one.name}`)
}

/** Exactly these grants and no others, each by whoever gave it. */
async function grantAgain(
  client: pg.ClientBase,
  name: string,
  owner: string,
  now: readonly Grant[],
  then: readonly Grant[],
  column = '',
): Promise<void> {
  // no grants at all and those of the owner alone mean the same and are written otherwise
  if (isDeepStrictEqual(now, then)) return
  for (const grantee of new Set(now.map((one) => one.grantee)))
    await client.query(`revoke all${column} on ${name} from ${role(grantee)} cascade`)
  let left = [...then]
  const holds = (grantor: string, privilege: string) =>
    grantor === owner ||
    then.some((one) => one.grantee === grantor && one.privilege === privilege && one.grantable && !left.includes(one))
  while (left.length > 0) {
    const next = left.filter(({ grantor, privilege }) => holds(grantor, privilege))
    if (next.length === 0)
      throw new Error(`the grants of ${left.map(({ grantor }) => grantor).join(', ')} have no origin`)
    for (const { grantor, grantee, privilege, grantable } of next) {
      const statement = `grant ${privilege}${column} on ${name} to ${role(grantee)}${grantable ? ' with grant option' : ''}`
      if (grantor === owner) await client.query(statement)
      else {
        const {
          rows: [was],
        } = await client.query<{ role: string }>(`select current_setting('role') as role`)
        await client.query(`set local role ${role(grantor)}`)
        await client.query(statement)
        await client.query(`select set_config('role', $1, true)`, [was?.role])
      }
    }
    left = left.filter((one) => !next.includes(one))
  }
}

async function create(client: pg.ClientBase, one: ViewState): Promise<void> {
  const using = one.kind === 'm' && one.method !== null ? ` using ${pg.escapeIdentifier(one.method)}` : ''
  const options =
    one.options.length === 0
      ? ''
      : ` with (${one.options
          .map((option) => {
            const at = option.indexOf('=')
            return `${option.slice(0, at)} = ${text(option.slice(at + 1))}`
          })
          .join(', ')})`
  const place = one.tablespace === null ? '' : ` tablespace ${pg.escapeIdentifier(one.tablespace)}`
  await client.query(
    `create ${kind(one)} ${one.name}${using}${options}${place} as ${one.definition.trim().replace(/;$/, '')}${one.kind === 'm' ? ` with ${one.populated ? '' : 'no '}data` : ''}`,
  )
  for (const index of one.indexes) {
    await client.query(index.definition)
    if (index.comment !== null) await client.query(`comment on index ${index.name} is ${text(index.comment)}`)
    if (index.clustered)
      await client.query(
        `alter ${kind(one)} ${one.name} cluster on ${index.name.slice(index.name.lastIndexOf('.') + 1)}`,
      )
  }
  if (one.comment !== null) await client.query(`comment on ${kind(one)} ${one.name} is ${text(one.comment)}`)
  for (const { name, comment, fallback } of one.columns) {
    if (comment !== null)
      await client.query(`comment on column ${one.name}.${pg.escapeIdentifier(name)} is ${text(comment)}`)
    if (fallback !== null)
      await client.query(`alter view ${one.name} alter column ${pg.escapeIdentifier(name)} set default ${fallback}`)
  }
  await client.query(`alter ${kind(one)} ${one.name} owner to ${role(one.owner)}`)
}

async function restoreGrants(client: pg.ClientBase, saved: ViewState): Promise<void> {
  const [made] = await describeViews(client, [await oidOf(client, saved.name)])
  await grantAgain(client, saved.name, saved.owner, made?.grants ?? [], saved.grants)
  for (const { name, grants } of saved.columns)
    if (grants.length > 0)
      await grantAgain(client, saved.name, saved.owner, [], grants, ` (${pg.escapeIdentifier(name)})`)
}

const oidOf = async (client: pg.ClientBase, name: string) =>
  (await client.query<{ oid: string }>('select $1::regclass::oid::text as oid', [name])).rows[0]?.oid ?? ''

/** What must be as before; types of columns follow those of the view. */
const comparable = ({ oid: _oid, described: _described, columns, definition: _definition, ...rest }: ViewState) => ({
  ...rest,
  columns: columns.map(({ type: _type, ...column }) => column),
})

/**
 * Puts up again what `drop` took down, after the lock was made.
 * @returns what was done, in sentences
 * @throws Error that names what could not be recreated as it was
 */
export async function recreate(client: pg.ClientBase, { all, locks }: Saved): Promise<string[]> {
  const lines: string[] = []
  const attempt = async (what: string, action: () => Promise<void>) => {
    try {
      await action()
    } catch (error) {
      throw isLockFailure(error) ? error : refused(`${what} cannot be recreated: ${(error as Error).message}`, error)
    }
  }
  for (const one of all) {
    const lock = locks.get(one.oid)
    if (lock !== undefined)
      await attempt(lock === 'attempt' ? 'its grants' : `the grants of ${lock}`, () => restoreGrants(client, one))
    else
      await attempt(one.described, async () => {
        await create(client, one)
        await restoreGrants(client, one)
      })
  }
  const oids: string[] = []
  for (const { name } of all) oids.push(await oidOf(client, name))
  const now = await described(client, oids)
  for (const [at, one] of all.entries()) {
    const made = now[at]
    const lock = locks.get(one.oid)
    if (lock !== undefined) {
      if (!isDeepStrictEqual(made?.grants, one.grants) || made?.owner !== one.owner)
        throw refused(`owner and grants of ${lock} would not be what they were`)
      lines.push(`replaced the view ${lock}; its grants are those of before`)
      continue
    }
    if (made === undefined || !isDeepStrictEqual(comparable(made), comparable(one)))
      throw refused(`${one.described} would not be what it was (owner, options, comments, columns, indexes or grants)`)
    const types = made.columns
      .filter(({ type }, place) => type !== one.columns[place]?.type)
      .map(({ name, type }) => `${name} is now ${type}`)
    lines.push(`recreated ${one.described}${types.length > 0 ? `; ${types.join(', ')}` : ''}`)
  }
  return lines
}
