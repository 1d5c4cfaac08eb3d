/** Two reserved connections for readiness and contract check, which work when PostgreSQL accepts no new ones. */
import type pg from 'pg'
import type { Config } from '../config.js'
import { createReservedPool } from '../database/reserved-pool.js'
import { createPool, dropConnections, dropOpening } from '../database/pool.js'

export interface ProbeConnections {
  /** Opens the connections. */
  start(): void
  /**
   * Runs `action` on one connection, for at most `ms`.
   * @throws Error with the SQLSTATE of a cancelled statement (57014) after `ms`
   */
  run<T>(ms: number, action: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** Closes every connection at once, even during an action, which might wait for ever. */
  close(): Promise<void>
}

/** Milliseconds after which a connection that is still opening counts as unanswered. */
const slowOpeningMs = 2_000

/** @param stateMs statement_timeout of these sessions, unless an action sets another */
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
      pathUse: 'keep',
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
        let released = false
        // after the limit the connection is closed: its statement may run for minutes and would occupy the pool
        const release = (failure?: Error) => {
          if (!released) client.release(failure)
          released = true
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
