/**
 * Connections that are there when the server has no more to give. They must not grow old either, for a name may lead to
 * another server by now; so their successors are opened first, and where the server refuses those the old ones stay.
 */
import type pg from 'pg'

export interface ReservedPool {
  /** As of now: to be asked for at each use. */
  readonly pool: pg.Pool
  /** Opens the connections, and renews them from then on. */
  start(): void
  close(): Promise<void>
}

const renewEveryMs = 600_000
const waitingMs = 50

/** @returns whether each of its connections is open; they are in the pool then */
async function fill(pool: pg.Pool): Promise<boolean> {
  const opened = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()))
  for (const one of opened) if (one.status === 'fulfilled') one.value.release()
  return opened.every(({ status }) => status === 'fulfilled')
}

/** What waits for a connection gets it: an ended pool would let it wait in vain. */
async function retire(pool: pg.Pool): Promise<void> {
  while (pool.waitingCount > 0)
    await new Promise((again) => {
      setTimeout(again, waitingMs)
    })
  await pool.end()
}

/** @param open a pool whose connections are neither closed when idle nor by their age */
export function createReservedPool(open: () => pg.Pool, everyMs = renewEveryMs): ReservedPool {
  let pool = open()
  let closed = false
  let renewing = false
  let timer: NodeJS.Timeout | undefined

  async function renew(): Promise<void> {
    if (renewing) return
    renewing = true
    const successor = open()
    const whole = await fill(successor)
    const old = whole && !closed ? pool : successor
    if (old === pool) pool = successor
    renewing = false
    await retire(old)
  }

  return {
    get pool() {
      return pool
    },
    start() {
      // the first connections are opened before their successors: of few that the server gives each would get some
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
      await pool.end()
    },
  }
}
