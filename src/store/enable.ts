/** Makes and removes the store: its tables, and the triggers on exam_results that fill its queue. */
import type pg from 'pg'
import { indexStates } from '../migrate/indexes.js'
import { migrateDown, migrateUp } from '../migrate/runner.js'
import { queueMigrations, storeMigrations } from '../migrate/migration-sets.js'
import { rebuild } from './fill.js'
import { mendTriggers, triggerFaults } from './triggers.js'

export interface StorePools {
  /** Holds exam_results. */
  primary: pg.Pool
  /** Holds the store; the same pool where that is the same database. */
  store: pg.Pool
}

/**
 * Makes the queue and the store, and mends the triggers of a queue that is there. Nothing is read from the store until a
 * refresher has filled it.
 * @param waitMs milliseconds to wait for those who use exam_results; 60,000 if not given
 * @throws Error in a sentence where the view or the student index is missing; LockedOut where the wait was not enough
 */
export async function enableStore(pools: StorePools, say: (line: string) => void, waitMs?: number): Promise<void> {
  const {
    rows: [view],
  } = await pools.primary.query<{ there: boolean }>(`select to_regclass('attempt_numbered') is not null as there`)
  if (view?.there !== true)
    throw new Error('There is no view attempt to keep a store of: run attempt-api migrate up first.')
  // recomputing a student would read the whole table
  if ((await indexStates(pools.primary)).attempt_student_idx !== 'ready')
    throw new Error('The store needs the index attempt_student_idx on exam_results: run attempt-api migrate up first.')
  // before anything stands on the other team's table: what cannot be ended is not begun
  const {
    rows: [room],
  } = await pools.store.query<{ there: boolean | null }>(
    `select to_regclass('attempt_store') is not null or has_schema_privilege(current_schema(), 'create') as there`,
  )
  if (room?.there !== true)
    throw Object.assign(new Error('permission denied for the schema of the store, nothing was changed'), {
      code: '42501',
    })
  // the queue first: what is written while the store is filled must be in it
  const options = { say, waitMs: waitMs ?? 60_000 }
  const made = [
    ...(await migrateUp(pools.primary, queueMigrations, options)),
    ...(await migrateUp(pools.store, storeMigrations, options)),
  ]
  for (const { name } of made) say(`applied ${name}`)
  const taken = await takeQueue(pools, say)
  const mended = await mend(pools, options)
  if (!taken && !mended && made.length === 0) say('The store is enabled already.')
}

/** Lets the triggers fire as they did. What was written while they did not is in no queue: the store is filled anew. @returns whether there was something to mend */
async function mend(
  { primary, store }: StorePools,
  options: { say: (line: string) => void; waitMs: number },
): Promise<boolean> {
  if ((await triggerFaults(primary)).length === 0) return false
  // first of all, or a crash in between would leave a store that is taken for whole; nobody fills it while there are faults
  await withClient(store, rebuild)
  await mendTriggers(primary, options)
  options.say('The triggers on exam_results were not as they were made, and are again; the store is filled anew.')
  return true
}

/**
 * Makes the queue feed this store. A store that it did not feed until now has missed what others took: it is filled anew.
 * @returns whether it fed another store, or none
 */
async function takeQueue({ primary, store }: StorePools, say: (line: string) => void): Promise<boolean> {
  const {
    rows: [reader],
  } = await primary.query<{ store: string }>('select store from attempt_queue_reader')
  const {
    rows: [mine],
  } = await store.query<{ id: string; fresh: boolean }>(
    `select id, state = 'filling' and filled_to is null as fresh from attempt_store`,
  )
  if (mine === undefined || reader?.store === mine.id) return false
  // first of all, or a crash in between would leave a store that is taken for whole
  if (!mine.fresh) await withClient(store, rebuild)
  await primary.query(
    `insert into attempt_queue_reader (store, version) values ($1, 0)
on conflict (only_row) do update set store = excluded.store, version = excluded.version`,
    [mine.id],
  )
  if (reader !== undefined) say('The queue fed another store, which follows no longer; it feeds this one now.')
  return true
}

/**
 * Applies what this version has besides, where queue and store are there; makes neither, and lets the queue feed whom it feeds.
 * For a pipeline, which knows only that a new version comes.
 * @throws Error in a sentence where the store of this queue is in another database than the one given
 */
export async function upgradeStore(pools: StorePools, say: (line: string) => void, waitMs?: number): Promise<void> {
  const there = async (pool: pg.Pool, table: string) =>
    (await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table])).rows[0]?.there ===
    true
  const [queued, stored] = [
    await there(pools.primary, queueMigrations.table),
    await there(pools.store, storeMigrations.table),
  ]
  if (queued && (!stored || (await feeds(pools)) === 'another'))
    throw new Error(
      'The queue of exam_results feeds a store that is not here: give its database in STORE_DATABASE_URL. Nothing was changed.',
    )
  const options = { say, ...(waitMs === undefined ? {} : { waitMs }) }
  const made = [
    ...(queued ? await migrateUp(pools.primary, queueMigrations, options) : []),
    ...(stored ? await migrateUp(pools.store, storeMigrations, options) : []),
  ]
  for (const { name } of made) say(`applied ${name}`)
  if (made.length === 0) say(stored ? 'The store is up to date.' : 'There is no store: nothing to bring up to date.')
}

async function withClient<T>(pool: pg.Pool, action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await action(client)
  } finally {
    client.release()
  }
}

/** Whom the queue feeds, as far as there are both. */
export async function feeds({ primary, store }: StorePools): Promise<'this' | 'another' | undefined> {
  const idOf = async (pool: pg.Pool, text: string) => {
    try {
      return (await pool.query<{ id: string }>(text)).rows[0]?.id
    } catch (error) {
      if ((error as { code?: string }).code === '42P01') return undefined
      throw error
    }
  }
  const [reader, mine] = [
    await idOf(primary, 'select store as id from attempt_queue_reader'),
    await idOf(store, 'select id from attempt_store'),
  ]
  return reader === undefined || mine === undefined ? undefined : reader === mine ? 'this' : 'another'
}

/** Removes triggers, queue and store, and the records of their migrations: nothing is left. A queue that feeds another store stays. */
export async function disableStore(pools: StorePools, say: (line: string) => void, waitMs?: number): Promise<void> {
  const feedsAnother = (await feeds(pools)) === 'another'
  if (feedsAnother) say('The queue feeds another store: it stays, with its triggers.')
  let found = feedsAnother
  for (const [pool, set] of [
    [pools.primary, queueMigrations],
    [pools.store, storeMigrations],
  ] as const) {
    if (set === queueMigrations && feedsAnother) continue
    const {
      rows: [known],
    } = await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [set.table])
    if (known?.there !== true) continue
    found = true
    for (const { name } of await migrateDown(pool, set, {
      all: true,
      say,
      ...(waitMs === undefined ? {} : { waitMs }),
    }))
      say(`reverted ${name}`)
  }
  if (!found) say('There is no store: nothing to remove.')
}
