/**
 * Hands out a pool's connections to requests. It limits how many requests wait and for how long, and it cancels the
 * statement of a request that has ended.
 */
import pg from 'pg'
import { ApiError, notConnected } from '../errors.js'
import { cancel, disconnect } from './cancel.js'
import type { Deadline } from './deadline.js'

export interface ConnectionQueue {
  /**
   * Runs `action` on one connection.
   * @param deadline bounds the wait for the connection and the work; when it expires, the running statement is
   * cancelled on the server
   * @param action calls `discard` if no other request may use the connection afterwards
   * @throws ApiError too_busy; the error of `action`; the reason of the deadline
   */
  run<T>(deadline: Deadline | undefined, action: (client: pg.PoolClient, discard: () => void) => Promise<T>): Promise<T>
}

/**
 * Whether the session can be used after this error: a cancelled statement, an invalid value, an unknown relation, or a
 * statement that a standby cancelled because it conflicted with replay.
 */
export const isSessionReusable = (error: unknown): boolean =>
  error instanceof ApiError || (error instanceof pg.DatabaseError && /^(57014|22|40|42)/.test(error.code ?? ''))

/** If a backend has not ended its statement this long after the cancel, its connection is closed; milliseconds. */
const cancelMs = 2_000

/** @param queue the most requests that may wait for a connection at a time */
export function createConnectionQueue(pool: pg.Pool, queue: number): ConnectionQueue {
  const { max } = pool.options
  // moving average of the time that a request holds a connection, in milliseconds
  let holdMs = 0

  const busy = (why: string) => new ApiError('too_busy', `${why}. Retry.`, undefined, 1)

  async function connect(deadline: Deadline | undefined): Promise<pg.PoolClient> {
    if (deadline === undefined) return pool.connect().catch(notConnected)
    deadline.check()
    // a request that would not get a connection in time fails at once
    const waiting = pool.waitingCount
    if (waiting >= queue) throw busy(`${waiting} requests are waiting for a database connection, which is the limit`)
    if (waiting > 0 && (holdMs * (waiting + 1)) / max > deadline.left)
      throw busy('No database connection would become free in time')
    const connecting = pool.connect().catch(notConnected)
    let expired = false
    let removeListener: () => void = () => undefined
    const expiry = new Promise<never>((_done, fail) => {
      removeListener = deadline.onExpire((reason) => {
        expired = true
        fail(reason instanceof ApiError ? busy('No database connection became free in time') : reason)
      })
    })
    // a connection that arrives after the deadline goes to the next request
    connecting.then(
      (client) => {
        if (expired) client.release()
      },
      () => undefined,
    )
    return Promise.race([connecting, expiry]).finally(() => {
      removeListener()
    })
  }

  /** Releases a connection after its statement has ended and the server has processed the cancel. */
  async function cancelAndRelease(client: pg.PoolClient, reusable: Promise<boolean>): Promise<void> {
    const timer = setTimeout(() => {
      disconnect(client)
    }, cancelMs)
    const [cancelled, isReusable] = await Promise.all([cancel(client), reusable])
    clearTimeout(timer)
    client.release(!cancelled || !isReusable)
  }

  return {
    async run(deadline, action) {
      const client = await connect(deadline)
      const start = performance.now()
      let discarded = false
      const work = action(client, () => {
        discarded = true
      })
      const reusable = work.then(
        () => true,
        (error: unknown) => !discarded && isSessionReusable(error),
      )
      let removeListener: (() => void) | undefined
      let expired = false
      try {
        if (deadline === undefined) return await work
        return await Promise.race([
          work,
          new Promise<never>((_done, fail) => {
            removeListener = deadline.onExpire((reason) => {
              expired = true
              fail(reason)
            })
          }),
        ])
      } finally {
        removeListener?.()
        holdMs += (performance.now() - start - holdMs) / 16
        if (expired) void cancelAndRelease(client, reusable)
        else client.release(!(await reusable))
      }
    },
  }
}
