/** One session's attempts are a lookup. A hash: a session's name may be longer than what a tree takes. */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw('create index attempt_materialized_session_idx on attempt_materialized using hash (session_id)')
    .execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop index attempt_materialized_session_idx').execute(db)
}
