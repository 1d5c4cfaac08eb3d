/** Which roles could plant objects in the schemas of a search_path, although nothing of the service is theirs. */
import { sourceTable } from './exam-results.js'
import { type Check, checkResult } from './report.js'
import type { SqlClient } from './sql-client.js'

export interface Creator {
  schema: string
  /** null: every role. */
  role: string | null
}

/**
 * Roles that may create in these schemas and are not superusers, do not own the schema or the database, and own neither
 * exam_results nor a view of the service there. The session has PostgreSQL's own schema first on its path.
 * @param view a view of the service
 */
export async function readCreators(client: SqlClient, schemas: readonly string[], view: string): Promise<Creator[]> {
  const { rows } = await client.query<Creator>(
    `
    select n.nspname::text as schema, r.rolname::text as role
    from pg_namespace n
    cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    left join pg_roles r on r.oid = a.grantee
    where n.nspname = any($1::text[]) and a.privilege_type = 'CREATE' and (
      a.grantee = 0 or not (
        r.rolsuper
        or pg_has_role(r.oid, n.nspowner, 'member')
        or pg_has_role(r.oid, (select d.datdba from pg_database d where d.datname = current_database()), 'member')
        or exists (
          select from pg_class c
          where c.relnamespace = n.oid and c.relname = any($2::text[]) and pg_has_role(r.oid, c.relowner, 'member')
        )
      )
    )
    order by 1, 2 nulls first`,
    [schemas, [sourceTable, view]],
  )
  return rows
}

const quotedName = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

/** One sentence without its end, and the statement that mends it. */
export const describeCreator = ({ schema, role }: Creator): { finding: string; remedy: string } => ({
  finding:
    `${role === null ? 'every role' : `the role ${quotedName(role)}`} may create objects ` +
    `in the schema ${quotedName(schema)}`,
  remedy: `revoke create on schema ${quotedName(schema)} from ${role === null ? 'public' : quotedName(role)};`,
})

/** Never fails the contract: what such a role creates is not used, but stops the refresher and the migrations. */
export async function checkCreators(client: SqlClient, schemas: readonly string[], view: string): Promise<Check> {
  const found = (await readCreators(client, schemas, view)).map(describeCreator)
  const expected = `only trusted roles may create objects in ${schemas.map(quotedName).join(', ')}`
  return found.length === 0
    ? checkResult('creators', 'pass', expected, expected)
    : checkResult(
        'creators',
        'warn',
        expected,
        found.map(({ finding }) => finding).join('; '),
        'such a role could create objects that the service would take for its own or for those of PostgreSQL: run ' +
          `${found.map(({ remedy }) => remedy).join(' ')} (docs/access.md, roles)`,
      )
}
