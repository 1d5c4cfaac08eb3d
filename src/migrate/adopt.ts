/** Existing views with the names that the migration creates are replaced in place, refused, or recreated. */
import pg from 'pg'
import { dependantsOf, notRecreatable } from './dependants.js'
import { dropViews, recreateViews, saveViews } from './replace.js'
import type { MigrationSession } from './session.js'
import { type Column, columnsText, difference, fits, viewColumns } from './view-columns.js'

export interface Adoption {
  /** Takes the role that the views are created as: the owner of the existing view, which it keeps. */
  asOwner(): Promise<void>
  /** Takes the runner's own role. */
  asRunner(): Promise<void>
  /** Recreates what was dropped. @returns what was done, in sentences */
  finish(): Promise<string[]>
}

interface ExistingView {
  name: string
  oid: string
  owner: string
  runner: string
  /** The setting `role` of the session. */
  role: string
  /** Whether the runner is a member of the owner. */
  member: boolean
  columns: Column[]
}

/** The existing views, each before what it reads. */
async function existingViews(client: pg.ClientBase): Promise<ExistingView[]> {
  const { rows } = await client.query<ExistingView>(
    `
    select v.name, c.oid::text as oid, pg_get_userbyid(c.relowner)::text as owner, current_user::text as runner,
      current_setting('role') as role, pg_has_role(c.relowner, 'member') as member,
      (
        select json_agg(
          json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum
        )
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ) as columns
    from unnest($1::text[]) with ordinality as v (name, place)
    join pg_class c on c.oid = to_regclass(v.name) and c.relkind = 'v'
    order by v.place`,
    [Object.keys(viewColumns)],
  )
  return rows
}

/** The view that users know first, so that messages name it and not a helper view. */
const attemptFirst = (views: readonly ExistingView[]): ExistingView[] =>
  [...views].sort((a, b) => Number(b.name === 'attempt') - Number(a.name === 'attempt'))

/** @throws Error if a view belongs to a role that the runner is not a member of */
function assertMembership(views: readonly ExistingView[]): void {
  const foreign = attemptFirst(views).find(({ owner, runner, member }) => owner !== runner && !member)
  if (foreign === undefined) return
  const { name, owner, runner } = foreign
  throw new Error(
    `The view ${name} belongs to ${owner}, and ${runner} is not a member of that role. ` +
      `Migrate as ${owner}, or change the owner of the view. Nothing was changed.`,
  )
}

const takeRole = async (client: pg.ClientBase, role: string) => {
  await client.query(`set local role ${pg.escapeIdentifier(role)}`)
}
const restoreRole = async (client: pg.ClientBase, { role }: ExistingView) => {
  await client.query(`select set_config('role', $1, true)`, [role])
}

/**
 * Locks the existing views in the order in which queries lock them. The migration replaces them in the opposite order:
 * without these locks it could deadlock with a query.
 * @throws Error if the runner has no right to lock a view
 */
export async function lockExistingViews({ client, shortenWaits }: MigrationSession): Promise<void> {
  const views = await existingViews(client)
  assertMembership(views)
  for (const view of views) {
    // a member without INHERIT has the owner's rights only after SET ROLE
    const foreign = view.owner !== view.runner
    if (foreign) await takeRole(client, view.owner)
    // changes nothing; "lock table" would lock everything that the view reads
    await client.query(`alter view ${view.name} owner to ${pg.escapeIdentifier(view.owner)}`)
    if (foreign) await restoreRole(client, view)
    shortenWaits()
  }
}

export interface AdoptOptions {
  /** Recreates views that have other columns. */
  replace: boolean
  /** The views were created before: a missing one was dropped since. */
  again: boolean
}

/** @throws Error with what exists, what is expected, what depends on it, and the command that replaces it */
async function refuse(client: pg.ClientBase, { name, oid, columns }: ExistingView, again: boolean): Promise<never> {
  const dependants = await dependantsOf(client, [oid])
  const all = [...dependants.map(({ described }) => described), ...(await notRecreatable(client, oid, dependants))]
  throw new Error(
    `A view ${name} with other columns exists: it ${difference(name, columns)}. ` +
      `It has: ${columnsText(columns)}. Expected: ${columnsText(viewColumns[name] ?? [])}. ` +
      `Depending on it: ${all.join(', ') || 'nothing'}. Nothing was changed. ` +
      `attempt-api migrate up${again ? ' --again' : ''} --replace recreates it with its dependants and grants, ` +
      'or changes nothing.',
  )
}

/** @throws Error if a relation that is not a view has one of the names */
async function assertNamesFree(client: pg.ClientBase): Promise<void> {
  const {
    rows: [taken],
  } = await client.query<{ name: string }>(
    `
    select v.name
    from unnest($1::text[]) as v (name)
    join pg_class c on c.oid = to_regclass(v.name) and c.relkind <> 'v'
    order by v.name
    limit 1`,
    [Object.keys(viewColumns)],
  )
  if (taken !== undefined)
    throw new Error(
      `${taken.name} exists and is not a view. Rename it, because the migration creates a view of that name. ` +
        'Nothing was changed.',
    )
}

/**
 * Prepares the database for the views of the migration.
 * @throws Error if a view has other columns and may not, or cannot, be replaced
 */
export async function adopt(session: MigrationSession, { replace, again }: AdoptOptions): Promise<Adoption> {
  const { client } = session
  await assertNamesFree(client)
  const existing = await existingViews(client)
  assertMembership(existing)
  const different = attemptFirst(existing.filter(({ name, columns }) => !fits(name, columns)))
  const [first] = different
  if (first !== undefined && !replace) await refuse(client, first, again)
  const saved =
    first === undefined
      ? undefined
      : await saveViews(
          session,
          different.map(({ oid }) => oid),
          new Map(existing.map(({ oid, name }) => [oid, name])),
        )
  if (saved !== undefined) await dropViews(client, saved)
  if (replace) await lockExistingViews(session)
  // a view that was dropped is created with the owner of its helper views
  const model = existing.find(({ name }) => name === 'attempt') ?? (again ? existing[0] : undefined)
  const foreign = model !== undefined && model.owner !== model.runner ? model : undefined
  const asOwner = async () => {
    if (foreign !== undefined) await takeRole(client, foreign.owner)
  }
  const asRunner = async () => {
    if (foreign !== undefined) await restoreRole(client, foreign)
  }
  const missing = again ? Object.keys(viewColumns).filter((name) => !existing.some((one) => one.name === name)) : []
  await asOwner()
  return {
    asOwner,
    asRunner,
    async finish() {
      await asRunner()
      return [
        ...(saved === undefined ? [] : await recreateViews(client, saved)),
        ...missing.map((name) => `created the missing view ${name}: grant the rights on it again`),
      ]
    },
  }
}
