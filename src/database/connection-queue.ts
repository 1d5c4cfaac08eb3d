/**
 * The connections that answers wait for: who may wait, how long, and what becomes of a connection whose answer is over
 * before its statement is.
 */
import pg from 'pg'
import { ApiError, notConnected } from '../errors.js'
import { cancel, disconnect } from './cancel.js'
import type { Deadline } from './deadline.js'

export interface ConnectionQueue {
  /** Runs `action` on one connection. `deadline` bounds the wait for it and the work; what still runs then is cancelled on the server. `spoil`: the connection is of no use to others. */
  run<T>(deadline: Deadline | undefined, action: (client: pg.PoolClient, spoil: () => void) => Promise<T>): Promise<T>
}

/** After these the server goes on with the session: a cancelled statement, a value it does not take, a relation it does not know, a statement in the way of a standby's replay. */
export const isSessionReusable = (error: unknown): boolean =>
  error instanceof ApiError || (error instanceof pg.DatabaseError && /^(57014|22|40|42)/.test(error.code ?? ''))

/** A backend that was told to cancel and does not end for so long loses its connection. */
const cancelMs = 2_000

/** @param queue requests that may wait for a connection at a time */
export function createConnectionQueue(pool: pg.Pool, queue: number): ConnectionQueue {
  const { max } = pool.options
  // milliseconds for which a connection is held, the last ones more than those before
  let held = 0

  const busy = (why: string) => new ApiError('too_busy', `${why}; try again`, undefined, 1)

  async function connect(deadline: Deadline | undefined): Promise<pg.PoolClient> {
    if (deadline === undefined) return pool.connect().catch(notConnected)
    deadline.check()
    // whoever would wait in vain is told now
    const waiting = pool.waitingCount
    if (waiting >= queue) throw busy(`${waiting} requests wait for a database connection, which is the limit`)
    if (waiting > 0 && (held * (waiting + 1)) / max > deadline.left)
      throw busy('No database connection would become free in time')
    const connecting = pool.connect().catch(notConnected)
    let [left, forget]: [boolean, () => void] = [false, () => undefined]
    const over = new Promise<never>((_done, fail) => {
      forget = deadline.onExpire((reason) => {
        left = true
        fail(reason instanceof ApiError ? busy('No database connection became free in time') : reason)
      })
    })
    // who comes too late goes on to the next in the queue
    connecting.then(
      (client) => {
        if (left) client.release()
      },
      () => undefined,
    )
    return Promise.race([connecting, over]).finally(() => {
      forget()
    })
  }

  /** Gives a connection back when nothing of the answer runs on it any more, and no cancel is on its way. */
  async function settle(client: pg.PoolClient, work: Promise<boolean>): Promise<void> {
    const timer = setTimeout(() => {
      disconnect(client)
    }, cancelMs)
    const [known, whole] = await Promise.all([cancel(client), work])
    clearTimeout(timer)
    client.release(!known || !whole)
  }

  return {
    async run(deadline, action) {
      const client = await connect(deadline)
      const start = performance.now()
      let spoilt = false
      const work = action(client, () => {
        spoilt = true
      })
      // whether the connection is good for the next answer
      const whole = work.then(
        () => true,
        (error: unknown) => !spoilt && isSessionReusable(error),
      )
      let forget: (() => void) | undefined
      let over = false
      try {
        if (deadline === undefined) return await work
        return await Promise.race([
          work,
          new Promise<never>((_done, fail) => {
            forget = deadline.onExpire((reason) => {
              over = true
              fail(reason)
            })
          }),
        ])
      } finally {
        forget?.()
        held += (performance.now() - start - held) / 16
        if (over) void settle(client, whole)
        else client.release(!(await whole))
      }
    },
  }
}
