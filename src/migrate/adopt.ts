/** What happens to the lock's views that are there already: adopted in place, refused, or replaced as a whole. */
import pg from 'pg'
import { dependantsOf, unmovable } from './dependants.js'
import { type Column, columnsText, difference, fits, lockColumns } from './lock-columns.js'
import { capture, drop, recreate } from './replace.js'
import type { MigrationSession } from './session.js'

export interface Adoption {
  /** The role to make the views as: that of the view that is there, whose owner it keeps. */
  asOwner(): Promise<void>
  /** The role that the runner came with. */
  asRunner(): Promise<void>
  /** @returns what was recreated, in sentences */
  finish(): Promise<string[]>
}

interface There {
  name: string
  oid: string
  owner: string
  self: string
  role: string
  may: boolean
  columns: Column[]
}

/** The lock's views that are there, each before what it reads. */
async function viewsThere(client: pg.ClientBase): Promise<There[]> {
  const { rows } = await client.query<There>(
    `
    select v.name, c.oid::text as oid, pg_get_userbyid(c.relowner)::text as owner, current_user::text as self, current_setting('role') as role, pg_has_role(c.relowner, 'member') as may,
      (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from unnest($1::text[]) with ordinality as v (name, place) join pg_class c on c.oid = to_regclass(v.name) and c.relkind = 'v' order by v.place`,
    [Object.keys(lockColumns)],
  )
  return rows
}

/** What people know comes first. */
const attemptFirst = (views: readonly There[]): There[] =>
  [...views].sort((a, b) => Number(b.name === 'attempt') - Number(a.name === 'attempt'))

/** @throws Error in a sentence where a view belongs to a role that the runner may not act as */
function mayActAs(views: readonly There[]): void {
  const foreign = attemptFirst(views).find(({ owner, self, may }) => owner !== self && !may)
  if (foreign !== undefined)
    throw new Error(
      `The view ${foreign.name} belongs to ${foreign.owner}, and ${foreign.self} may not act as that role: migrate as ${foreign.owner}, or change the owner; nothing was changed.`,
    )
}

const actAs = async (client: pg.ClientBase, role: string) => {
  await client.query(`set local role ${pg.escapeIdentifier(role)}`)
}
const actAgain = async (client: pg.ClientBase, { role }: There) => {
  await client.query(`select set_config('role', $1, true)`, [role])
}

/**
 * Locks the views that are there, in the order in which whoever reads them does; the migration replaces them in the
 * opposite order, and without this would fail readers by a deadlock.
 * @throws Error in a sentence where the runner may not
 */
export async function holdViews({ client, holding }: MigrationSession): Promise<void> {
  const views = await viewsThere(client)
  mayActAs(views)
  for (const view of views) {
    // a member that does not inherit has the owner's rights only as the owner
    const other = view.owner !== view.self
    if (other) await actAs(client, view.owner)
    // changes nothing; "lock table" would lock all that the view reads
    await client.query(`alter view ${view.name} owner to ${pg.escapeIdentifier(view.owner)}`)
    if (other) await actAgain(client, view)
    holding()
  }
}

export interface AdoptOptions {
  /** Recreates views that have other columns. */
  replace: boolean
  /** The views were made before: what is missing of them was dropped. */
  again: boolean
}

/** @throws Error in a sentence that says what is there and what would become of it */
async function refuse(client: pg.ClientBase, { name, oid, columns }: There, again: boolean): Promise<never> {
  const dependants = await dependantsOf(client, [oid])
  const used = [...dependants.map(({ described }) => described), ...(await unmovable(client, oid, dependants))]
  throw new Error(
    `A view ${name} with other columns is there: it ${difference(name, columns)}. It has: ${columnsText(columns)}. The lock has: ${columnsText(lockColumns[name] ?? [])}. ` +
      `Depending on it: ${used.join(', ') || 'nothing'}. migrate up${again ? ' --again' : ''} --replace recreates it with its dependants and grants, or changes nothing; nothing was changed.`,
  )
}

/**
 * Prepares the place for the lock.
 * @throws Error in a sentence where a view has other columns and may not, or cannot, be replaced
 */
export async function adopt(session: MigrationSession, { replace, again }: AdoptOptions): Promise<Adoption> {
  const { client } = session
  const {
    rows: [taken],
  } = await client.query<{ name: string }>(
    `select v.name from unnest($1::text[]) as v (name) join pg_class c on c.oid = to_regclass(v.name) and c.relkind <> 'v' order by v.name limit 1`,
    [Object.keys(lockColumns)],
  )
  if (taken !== undefined)
    throw new Error(
      `${taken.name} is there and is no view: rename it, since the lock has a view of that name; nothing was changed.`,
    )
  const there = await viewsThere(client)
  mayActAs(there)
  const others = attemptFirst(there.filter(({ name, columns }) => !fits(name, columns)))
  const [first] = others
  if (first !== undefined && !replace) await refuse(client, first, again)
  const saved =
    first === undefined
      ? undefined
      : await capture(
          session,
          others.map(({ oid }) => oid),
          new Map(there.map(({ oid, name }) => [oid, name])),
        )
  if (saved !== undefined) await drop(client, saved)
  if (replace) await holdViews(session)
  const attempt = there.find(({ name }) => name === 'attempt')
  // what somebody dropped comes back as its helpers' owner's
  const kept = attempt ?? (again ? there[0] : undefined)
  const owner = kept !== undefined && kept.owner !== kept.self ? kept : undefined
  const asOwner = async () => {
    if (owner !== undefined) await actAs(client, owner.owner)
  }
  const asRunner = async () => {
    if (owner !== undefined) await actAgain(client, owner)
  }
  const made = again ? Object.keys(lockColumns).filter((name) => !there.some((one) => one.name === name)) : []
  await asOwner()
  return {
    asOwner,
    asRunner,
    async finish() {
      await asRunner()
      return [
        ...(saved === undefined ? [] : await recreate(client, saved)),
        ...made.map((name) => `made the view ${name}, which was gone: the grants that it had are to be given again`),
      ]
    },
  }
}
