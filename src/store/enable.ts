/** Makes and removes the store: its tables, and the triggers on exam_results that fill its queue. */
import type pg from 'pg'
import { indexStates } from '../database/indexes.js'
import { migrateDown, migrateUp, queue, store } from '../database/migrator.js'
import { rebuild } from './refresher.js'

export interface StorePools {
  /** Holds exam_results. Its sessions have a short lock_timeout, or a lock that is waited for would stop every writer. */
  source: pg.Pool
  /** Holds the store; the same pool where that is the same database. */
  store: pg.Pool
}

/** Runs what takes a lock on a table that others use; where it is not to be had at once, lets them go first. */
async function patiently<T>(what: () => Promise<T>, say: (line: string) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await what()
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03' || attempt === 60) throw error
      if (attempt === 1) say('A table is in use; trying again until the lock is free.')
      await new Promise((again) => setTimeout(again, 200 + Math.random() * 800))
    }
  }
}

/**
 * Makes the queue and the store. Nothing is read from it until a refresher has filled it.
 * @throws Error in a sentence where the view or the student index is missing
 */
export async function enableStore(pools: StorePools, say: (line: string) => void): Promise<void> {
  const { rows: [view] } = await pools.source.query<{ there: boolean }>(`select to_regclass('attempt_numbered') is not null as there`)
  if (view?.there !== true) throw new Error('There is no view attempt to keep a store of: run attempt-api migrate up first.')
  // recomputing a student would read the whole table
  if ((await indexStates(pools.source)).attempt_student_idx !== 'ready') throw new Error('The store needs the index attempt_student_idx on exam_results: run attempt-api migrate up first.')
  // the queue first: what is written while the store is filled must be in it
  const made = [...await patiently(() => migrateUp(pools.source, queue), say), ...await patiently(() => migrateUp(pools.store, store), say)]
  for (const { name } of made) say(`applied ${name}`)
  if (!await takeQueue(pools, say) && made.length === 0) say('The store is enabled already.')
}

/**
 * Makes the queue feed this store. A store that it did not feed until now has missed what others took: it is filled anew.
 * @returns whether it fed another store, or none
 */
async function takeQueue({ source, store }: StorePools, say: (line: string) => void): Promise<boolean> {
  const { rows: [reader] } = await source.query<{ store: string }>('select store from attempt_queue_reader')
  const { rows: [mine] } = await store.query<{ id: string; fresh: boolean }>(`select id, state = 'filling' and filled_to is null as fresh from attempt_store`)
  if (mine === undefined || reader?.store === mine.id) return false
  // first of all, or a crash in between would leave a store that is taken for whole
  if (!mine.fresh) await withClient(store, rebuild)
  await source.query(`insert into attempt_queue_reader (store, version) values ($1, 0)
on conflict (only_row) do update set store = excluded.store, version = excluded.version`, [mine.id])
  if (reader !== undefined) say('The queue fed another store, which follows no longer; it feeds this one now.')
  return true
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
async function feeds({ source, store }: StorePools): Promise<'this' | 'another' | undefined> {
  const idOf = async (pool: pg.Pool, text: string) => {
    try {
      return (await pool.query<{ id: string }>(text)).rows[0]?.id
    } catch (error) {
      if ((error as { code?: string }).code === '42P01') return undefined
      throw error
    }
  }
  const [reader, mine] = [await idOf(source, 'select store as id from attempt_queue_reader'), await idOf(store, 'select id from attempt_store')]
  return reader === undefined || mine === undefined ? undefined : reader === mine ? 'this' : 'another'
}

/** Removes triggers, queue and store, and the records of their migrations: nothing is left. A queue that feeds another store stays. */
export async function disableStore(pools: StorePools, say: (line: string) => void): Promise<void> {
  const feedsAnother = await feeds(pools) === 'another'
  if (feedsAnother) say('The queue feeds another store: it stays, with its triggers.')
  for (const [pool, set] of [[pools.source, queue], [pools.store, store]] as const) {
    if (set === queue && feedsAnother) continue
    const { rows: [known] } = await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [set.table])
    if (known?.there !== true) continue
    for (const { name } of await patiently(() => migrateDown(pool, set), say)) say(`took back ${name}`)
    await pool.query(`drop table if exists ${set.table}, ${set.table}_lock`)
  }
}
