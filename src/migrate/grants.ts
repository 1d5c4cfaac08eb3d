/** Gives a recreated view exactly the grants that it had. */
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { readViewStates, type Grant, type ViewState } from './dependants.js'

/** A role in a statement; null is public. */
export const roleName = (name: string | null): string => (name === null ? 'public' : pg.escapeIdentifier(name))

export const oidOf = async (client: pg.ClientBase, name: string): Promise<string> =>
  (await client.query<{ oid: string }>('select $1::regclass::oid::text as oid', [name])).rows[0]?.oid ?? ''

async function grantAs(client: pg.ClientBase, grantor: string, statement: string): Promise<void> {
  const {
    rows: [before],
  } = await client.query<{ role: string }>(`select current_setting('role') as role`)
  await client.query(`set local role ${roleName(grantor)}`)
  await client.query(statement)
  await client.query(`select set_config('role', $1, true)`, [before?.role])
}

/**
 * Replaces the grants `current` by `wanted`, each given by its grantor.
 * @param column ` (name)` for the grants of a column
 */
async function replaceGrants(
  client: pg.ClientBase,
  { name, owner }: ViewState,
  current: readonly Grant[],
  wanted: readonly Grant[],
  column = '',
): Promise<void> {
  // no grants at all and those of the owner alone mean the same, but are stored differently
  if (isDeepStrictEqual(current, wanted)) return
  for (const grantee of new Set(current.map((one) => one.grantee)))
    await client.query(`revoke all${column} on ${name} from ${roleName(grantee)} cascade`)
  let left = [...wanted]
  const mayGrant = (grantor: string, privilege: string) =>
    grantor === owner ||
    wanted.some((one) => one.grantee === grantor && one.privilege === privilege && one.grantable && !left.includes(one))
  while (left.length > 0) {
    const next = left.filter(({ grantor, privilege }) => mayGrant(grantor, privilege))
    if (next.length === 0)
      throw new Error(`the grantors ${left.map(({ grantor }) => grantor).join(', ')} no longer have a grant option`)
    for (const { grantor, grantee, privilege, grantable } of next) {
      const option = grantable ? ' with grant option' : ''
      const statement = `grant ${privilege}${column} on ${name} to ${roleName(grantee)}${option}`
      await (grantor === owner ? client.query(statement) : grantAs(client, grantor, statement))
    }
    left = left.filter((one) => !next.includes(one))
  }
}

/** Gives the view of that name the grants that it had when it was saved, those of its columns included. */
export async function restoreGrants(client: pg.ClientBase, saved: ViewState): Promise<void> {
  const [current] = await readViewStates(client, [await oidOf(client, saved.name)])
  await replaceGrants(client, saved, current?.grants ?? [], saved.grants)
  for (const { name, grants } of saved.columns)
    if (grants.length > 0) await replaceGrants(client, saved, [], grants, ` (${pg.escapeIdentifier(name)})`)
}
