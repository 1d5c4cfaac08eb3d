/**
 * Builds the index by session before its migration. A migration runs in a transaction, where a build would block the
 * refresher for as long as it takes.
 */
import type pg from 'pg'
import { LockTimeout } from '../migrate/retry-budget.js'

const name = 'attempt_materialized_session_hash_idx'

/** Without the pool's timeouts: the build of a large store takes minutes. */
const untimed = (text: string): pg.QueryConfig => ({ text, query_timeout: 2 ** 31 - 1 }) as pg.QueryConfig

/**
 * Builds what is missing, and builds again what a failed build left. Readers and the refresher continue meanwhile.
 * @throws LockTimeout if older transactions did not end within `waitMs`
 */
export async function buildSessionIndex(
  store: pg.Pool,
  { report: say, waitMs }: { report: (line: string) => void; waitMs: number },
): Promise<void> {
  const client = await store.connect()
  const ignore = () => undefined
  client.on('error', ignore)
  try {
    const {
      rows: [index],
    } = await client.query<{ valid: boolean | null; exists: boolean; filled: boolean }>(
      `select
  (select indisvalid from pg_index where indexrelid = to_regclass('${name}')) as valid,
  to_regclass('attempt_materialized') is not null as exists,
  coalesce(pg_relation_size(to_regclass('attempt_materialized')), 0) > 0 as filled`,
    )
    if (index === undefined || !index.exists || index.valid === true) return
    await client.query(`set statement_timeout = 0; set lock_timeout = ${Math.max(100, waitMs)}`)
    if (index.valid === false) await client.query(untimed(`drop index concurrently if exists ${name}`))
    // the migration builds it for an empty table
    if (!index.filled) return
    say(`${name}: building concurrently; readers and the refresher continue`)
    await client.query(
      untimed(
        `create index concurrently if not exists ${name}
on attempt_materialized (hashtextextended(session_id, 0))`,
      ),
    )
    await client.query(untimed('analyze attempt_materialized'))
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error
    throw new LockTimeout(
      `The index ${name} could not be built in time: older transactions did not end. ` +
        'Retry; --wait SECONDS waits longer.',
      { cause: error },
    )
  } finally {
    client.off('error', ignore)
    // with its settings
    client.release(true)
  }
}
