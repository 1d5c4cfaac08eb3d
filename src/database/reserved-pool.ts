/**
 * Connections that stay open, for queries that must work while the server accepts no further connections. They are
 * renewed at an interval, because a host name may name another server after a failover. The new connections are opened
 * first; if the server refuses them, the old ones stay.
 */
import type pg from 'pg'
import { endPool } from './pool.js'

export interface ReservedPool {
  /** The current connections; do not keep a reference. Before `start`, they are opened at their first use. */
  readonly pool: pg.Pool
  /** Opens the connections and begins to renew them. */
  start(): void
  close(): Promise<void>
}

const renewEveryMs = 600_000
const waitingMs = 50

/** @returns whether every connection is open; those that are open are in the pool */
async function fill(pool: pg.Pool): Promise<boolean> {
  const connecting = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()))
  for (const attempt of connecting) if (attempt.status === 'fulfilled') attempt.value.release()
  return connecting.every(({ status }) => status === 'fulfilled')
}

/** Ends a pool after every waiting query has a connection: in an ended pool, a query would wait for ever. */
async function retire(pool: pg.Pool): Promise<void> {
  while (pool.waitingCount > 0)
    await new Promise((done) => {
      setTimeout(done, waitingMs)
    })
  await pool.end()
}

/** @param createPool creates a pool with `reserved` connections */
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
      // no renewal until the pool is filled: with few connections left, two pools would each get only some of them
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
