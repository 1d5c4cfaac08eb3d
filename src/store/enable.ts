/** Makes and removes the store: its tables, and the triggers on exam_results that fill its queue. */
import type pg from 'pg'
import { indexStates } from '../database/indexes.js'
import { migrateDown, migrateUp, queue, store } from '../database/migrator.js'

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
  if (made.length === 0) say('The store is enabled already.')
}

/** Removes triggers, queue and store, and the records of their migrations: nothing is left. */
export async function disableStore(pools: StorePools, say: (line: string) => void): Promise<void> {
  for (const [pool, set] of [[pools.source, queue], [pools.store, store]] as const) {
    const { rows: [known] } = await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [set.table])
    if (known?.there !== true) continue
    for (const { name } of await patiently(() => migrateDown(pool, set), say)) say(`took back ${name}`)
    await pool.query(`drop table if exists ${set.table}, ${set.table}_lock`)
  }
}
