/** The two connections of readiness and contract check: they are open when PostgreSQL has no other to give. */
import type pg from 'pg'
import type { Config } from '../config.js'
import { createReservedPool } from '../database/reserved-pool.js'
import { createPool, dropConnections, dropOpening } from '../database/pool.js'

export interface ProbeConnections {
  /** Opens the connections. */
  start(): void
  /**
   * Runs `action` on one connection, for at most `ms`.
   * @throws Error with the code of a cancelled statement where the time is over
   */
  run<T>(ms: number, action: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** Closes every connection at once, those that an action uses too: what it waits for may never come. */
  close(): Promise<void>
}

/** A connection that has been opening for so long is not opened by a server that works. */
const slowOpeningMs = 2_000

/** @param stateMs the longest statement of a session that sets no limit of its own */
export function createProbeConnections(
  config: Pick<Config, 'contractTimeoutMs'>,
  url: string,
  stateMs: number,
): ProbeConnections {
  const reserved = createReservedPool(() =>
    createPool({ statementTimeoutMs: Math.min(config.contractTimeoutMs, stateMs) }, url, {
      max: 2,
      name: 'attempt-api contract',
      connectMs: Math.min(config.contractTimeoutMs, 5_000),
      reserved: true,
    }),
  )
  /** Aborts each action that runs. */
  const running = new Set<AbortController>()
  return {
    start: () => {
      reserved.start()
    },
    async run(ms, action) {
      const late = new AbortController()
      running.add(late)
      const timer = setTimeout(() => {
        late.abort(Object.assign(new Error(`no answer within ${ms} ms`), { code: '57014' }))
      }, ms)
      const { pool } = reserved
      let connected = false
      const work = pool.connect().then(async (client) => {
        connected = true
        let held = true
        // a late connection is closed: returned in an unknown state, it would keep its place in the pool for minutes
        const release = (failure?: Error) => {
          if (held) client.release(failure)
          held = false
        }
        late.signal.addEventListener('abort', () => {
          release(late.signal.reason as Error)
        })
        try {
          late.signal.throwIfAborted()
          const result = await action(client)
          release()
          return result
        } catch (error) {
          release(error as Error)
          throw error
        }
      })
      const end = new Promise<never>((_done, fail) => {
        late.signal.addEventListener('abort', () => {
          fail(late.signal.reason as Error)
          // it would keep its place in the pool until its own limit, and the next action would wait for it
          if (!connected) dropOpening(pool, slowOpeningMs)
        })
      })
      return Promise.race([work, end]).finally(() => {
        clearTimeout(timer)
        running.delete(late)
      })
    },
    async close() {
      for (const one of running) one.abort(new Error('Connection terminated: the service stops'))
      dropConnections(reserved.pool)
      await reserved.close()
    },
  }
}
