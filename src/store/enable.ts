/** Creates, upgrades and removes the store: its tables, and the triggers on exam_results that fill its queue. */
import type pg from 'pg'
import { indexStates } from '../migrate/indexes.js'
import { readLedger, relationExists } from '../migrate/ledger.js'
import { migrateDown, migrateUp } from '../migrate/runner.js'
import { queueMigrations, storeMigrations } from '../migrate/migration-sets.js'
import { assertTrusted } from '../database/trust.js'
import { rebuild } from './fill.js'
import { buildSessionIndex } from './session-index.js'
import { columnFaults, missingTables } from './queue-faults.js'
import { restoreTriggers, triggerFaults } from './triggers.js'

export interface StorePools {
  /** Holds exam_results. */
  primary: pg.Pool
  /** Holds the store; the same pool as `primary` if both are in one database. */
  store: pg.Pool
}

/** Prints one line of the command's output. */
type Say = (line: string) => void

const defaultWaitMs = 60_000

async function withClient<T>(pool: pg.Pool, action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await action(client)
  } finally {
    client.release()
  }
}

/** @throws Untrusted before anything of the databases is read */
async function assertTrustedPools({ primary, store }: StorePools): Promise<void> {
  for (const pool of new Set([primary, store])) await assertTrusted(pool)
}

/** @throws Error that names what is missing: the view, the student index or the privilege to create tables */
async function assertCanEnable({ primary, store }: StorePools): Promise<void> {
  if (!(await relationExists(primary, 'attempt_numbered')))
    throw new Error('There is no view attempt. Run attempt-api migrate up first.')
  // without the index, recomputing one student would read the whole table
  if ((await indexStates(primary)).attempt_student_idx !== 'ready')
    throw new Error('The store needs the index attempt_student_idx on exam_results. Run attempt-api migrate up first.')
  // checked before triggers are created on exam_results, which another team owns: the command must be able to finish
  const { rows } = await store.query<{ possible: boolean | null }>(
    `select
  to_regclass('attempt_store') is not null or has_schema_privilege(current_schema(), 'create') as possible`,
  )
  if (rows[0]?.possible !== true)
    throw Object.assign(new Error('permission denied for the schema of the store; nothing was changed'), {
      code: '42501',
    })
}

/** What the queue's migrations create beside the triggers. */
async function missingParts(primary: pg.Pool): Promise<string[]> {
  const tables = ['attempt_queue', 'attempt_queue_reader']
  // of an older release that was not upgraded yet, the last one does not have this table
  if ((await readLedger(primary, queueMigrations)).pending.length === 0) tables.push('attempt_queue_gap')
  const { rows } = await primary.query<{ name: string }>(
    `select name
from unnest(array['attempt_enqueue()', 'attempt_enqueue_row()']) as name
where to_regprocedure(name) is null`,
  )
  return [...(await missingTables(primary, tables)), ...rows.map(({ name }) => name)]
}

/** Removes what is left of a queue that was dropped in part, so that its migrations create it again. */
async function removeIncompleteQueue({ primary }: StorePools, options: { report: Say; waitMs: number }): Promise<void> {
  if ((await readLedger(primary, queueMigrations)).applied.length === 0) return
  const missing = await missingParts(primary)
  if (missing.length === 0) return
  options.report(
    `The queue on exam_results is incomplete (${missing.join(', ')} is missing) and is created again. ` +
      'Then grant the rights on it again (docs/access.md).',
  )
  // with the table that names its store, so that takeQueue has the store filled again, also after a crash in between
  await migrateDown(primary, queueMigrations, { all: true, ...options })
}

/**
 * Creates the queue and the store, and restores changed triggers of an existing queue. Requests read the store only
 * after a refresher has filled it.
 * @param waitMs milliseconds to wait for locks on exam_results; 60,000 if not given
 * @throws Error that names what is missing: the view, the student index or a privilege; LockTimeout
 */
export async function enableStore(pools: StorePools, say: Say, waitMs = defaultWaitMs): Promise<void> {
  await assertTrustedPools(pools)
  await assertCanEnable(pools)
  // the queue first: it must contain exams that are written while the store is being filled
  const options = { report: say, waitMs }
  const faults = await columnFaults(pools.primary)
  if (faults !== undefined) throw new Error(`${faults} Nothing was changed.`)
  await removeIncompleteQueue(pools, options)
  if (await relationExists(pools.store, storeMigrations.table)) await buildSessionIndex(pools.store, options)
  const applied = [
    ...(await migrateUp(pools.primary, queueMigrations, options)),
    ...(await migrateUp(pools.store, storeMigrations, options)),
  ]
  for (const { name } of applied) say(`applied ${name}`)
  const taken = await takeQueue(pools, say)
  const restored = await restoreIfChanged(pools, options)
  if (!taken && !restored && applied.length === 0) say('The store is already enabled.')
}

/** Restores changed triggers and marks the store for a rebuild. @returns whether any was changed */
async function restoreIfChanged(
  { primary, store }: StorePools,
  options: { report: Say; waitMs: number },
): Promise<boolean> {
  if ((await triggerFaults(primary)).length === 0) return false
  // rebuild first: after a crash in between, the store must not count as complete; no refresher fills it before the
  // restore
  await withClient(store, rebuild)
  await restoreTriggers(primary, options)
  options.report('The triggers on exam_results were changed and have been restored; the store will be filled again.')
  return true
}

/**
 * Makes the queue feed this store. If another store was fed until now, this one has missed exams and is filled again.
 * @returns whether the queue fed another store or none before
 */
async function takeQueue({ primary, store }: StorePools, say: Say): Promise<boolean> {
  const {
    rows: [reader],
  } = await primary.query<{ store: string }>('select store from attempt_queue_reader')
  const {
    rows: [own],
  } = await store.query<{ id: string; untouched: boolean }>(
    `select id, state = 'filling' and filled_to is null as untouched from attempt_store`,
  )
  if (own === undefined || reader?.store === own.id) return false
  // rebuild first: after a crash in between, the store must not count as complete
  if (!own.untouched) await withClient(store, rebuild)
  await primary.query(
    `insert into attempt_queue_reader (store, version) values ($1, 0)
on conflict (only_row) do update set store = excluded.store, version = excluded.version`,
    [own.id],
  )
  if (reader !== undefined)
    say('The queue fed another store, which is no longer updated. From now on it feeds this store.')
  return true
}

/**
 * Applies this release's migrations to an existing queue and store. It creates neither, and does not change which store
 * the queue feeds. A deployment pipeline can run it for every release.
 * @throws Error if the queue feeds a store in another database than the given one
 */
export async function upgradeStore(pools: StorePools, say: Say, waitMs = defaultWaitMs): Promise<void> {
  await assertTrustedPools(pools)
  const hasQueue = await relationExists(pools.primary, queueMigrations.table)
  const hasStore = await relationExists(pools.store, storeMigrations.table)
  if (hasQueue && (!hasStore || (await feeds(pools)) === 'another'))
    throw new Error(
      'The queue on exam_results feeds a store in another database. ' +
        'Set STORE_DATABASE_URL to that database. Nothing was changed.',
    )
  const options = { report: say, waitMs }
  if (hasStore) await buildSessionIndex(pools.store, options)
  const applied = [
    ...(hasQueue ? await migrateUp(pools.primary, queueMigrations, options) : []),
    ...(hasStore ? await migrateUp(pools.store, storeMigrations, options) : []),
  ]
  for (const { name } of applied) say(`applied ${name}`)
  if (applied.length === 0) say(hasStore ? 'The store is up to date.' : 'There is no store: nothing to upgrade.')
}

/** The id that a query returns; undefined where its table is missing or empty. */
async function idOf(pool: pg.Pool, text: string): Promise<string | undefined> {
  try {
    return (await pool.query<{ id: string }>(text)).rows[0]?.id
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return undefined
    throw error
  }
}

/** Whether the queue feeds this store or another; undefined where queue or store is missing. */
export async function feeds({ primary, store }: StorePools): Promise<'this' | 'another' | undefined> {
  const reader = await idOf(primary, 'select store as id from attempt_queue_reader')
  const own = await idOf(store, 'select id from attempt_store')
  if (reader === undefined || own === undefined) return undefined
  return reader === own ? 'this' : 'another'
}

/**
 * Removes triggers, queue and store, and the records of their migrations. A queue that feeds another store is kept.
 * @throws LockTimeout
 */
export async function disableStore(pools: StorePools, say: Say, waitMs = defaultWaitMs): Promise<void> {
  await assertTrustedPools(pools)
  const feedsAnother = (await feeds(pools)) === 'another'
  if (feedsAnother) say('The queue feeds another store: the queue and its triggers are kept.')
  let anything = feedsAnother
  for (const [pool, set] of [
    [pools.primary, queueMigrations],
    [pools.store, storeMigrations],
  ] as const) {
    if (set === queueMigrations && feedsAnother) continue
    if (!(await relationExists(pool, set.table))) continue
    anything = true
    for (const { name } of await migrateDown(pool, set, { all: true, report: say, waitMs })) say(`reverted ${name}`)
  }
  if (!anything) say('There is no store: nothing to remove.')
}
