/**
 * Connections that stay open, for questions that must be answered while the server accepts no further connections. They
 * are renewed, because a host name may lead to another server by now: their successors are opened first, and if the
 * server refuses those, the old ones stay.
 */
import type pg from 'pg'
import { endPool } from './pool.js'

export interface ReservedPool {
  /** The current connections: read it at each use. Before `start` they are opened when they are used. */
  readonly pool: pg.Pool
  /** Opens the connections and renews them from now on. */
  start(): void
  close(): Promise<void>
}

const renewEveryMs = 600_000
const waitingMs = 50

/** @returns whether every connection is open; those that are open are in the pool */
async function fill(pool: pg.Pool): Promise<boolean> {
  const opened = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()))
  for (const one of opened) if (one.status === 'fulfilled') one.value.release()
  return opened.every(({ status }) => status === 'fulfilled')
}

/** Ends a pool after the last waiting query has its connection: an ended pool would let it wait for ever. */
async function retire(pool: pg.Pool): Promise<void> {
  while (pool.waitingCount > 0)
    await new Promise((again) => {
      setTimeout(again, waitingMs)
    })
  await pool.end()
}

/** @param createPool gives a pool with `reserved` connections */
export function createReservedPool(createPool: () => pg.Pool, everyMs = renewEveryMs): ReservedPool {
  let pool = createPool()
  let closed = false
  let renewing = false
  let timer: NodeJS.Timeout | undefined

  async function renew(): Promise<void> {
    if (renewing) return
    renewing = true
    const successor = createPool()
    const complete = await fill(successor)
    const retired = complete && !closed ? pool : successor
    if (retired === pool) pool = successor
    renewing = false
    await retire(retired)
  }

  return {
    get pool() {
      return pool
    },
    start() {
      // no renewal before: if the server has few connections left, each of the two pools would get only some
      renewing = true
      void fill(pool).then(() => {
        renewing = false
      })
      timer = setInterval(() => {
        void renew()
      }, everyMs)
      timer.unref()
    },
    async close() {
      closed = true
      clearInterval(timer)
      await endPool(pool)
    },
  }
}
