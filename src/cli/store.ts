import { once } from 'node:events'
import type pg from 'pg'
import type { Config } from '../config.js'
import { startEmbedded } from '../development/embedded.js'
import { disconnect } from '../database/cancel.js'
import { LockTimeout } from '../migrate/retry-budget.js'
import { disableStore, enableStore, feeds, upgradeStore, type StorePools } from '../store/enable.js'
import { rebuild } from '../store/fill.js'
import { createRefresher } from '../store/refresher.js'
import type { Sessions } from '../store/sessions.js'
import { describeFaults, triggerFaults } from '../store/triggers.js'
import { verifyStore } from '../store/verify.js'
import { openPool, parse, seconds, UsageError, type Command } from './command.js'
import { couldNotAsk, refusesRole, scrubbed, withVariable } from './failure.js'
import { watchSilence } from './silence.js'

interface Place extends StorePools {
  primaryUrl: string
  storeUrl: string
  /** Called with a database that is silent, again and again: what waits for it elsewhere is to be ended. */
  silent: ((server: 'primary' | 'store') => void)[]
}

/** The databases of the store; the embedded one is started where none is configured. */
async function withPlace(config: Config, action: (place: Place) => Promise<number>): Promise<number> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.embeddedDirectory) : undefined
  const primaryUrl = config.databaseUrl ?? (embedded as { url: string }).url
  const storeUrl = config.storeUrl ?? primaryUrl
  const primary = openPool(primaryUrl, 'DATABASE_URL')
  const store = storeUrl === primaryUrl ? primary : openPool(storeUrl, 'STORE_DATABASE_URL')
  const silent: Place['silent'] = []
  let gaveUp: Error | undefined
  const watches = [...new Set([primary, store])].map((pool) => {
    const clients = new Set<pg.PoolClient>()
    pool.on('connect', (client) => {
      clients.add(client)
    })
    pool.on('remove', (client) => {
      clients.delete(client)
    })
    return watchSilence(pool === primary ? primaryUrl : storeUrl, () => {
      gaveUp = withVariable(
        pool === primary ? 'DATABASE_URL' : 'STORE_DATABASE_URL',
        Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }),
      )
      for (const client of clients) disconnect(client)
      for (const tell of silent) tell(pool === primary ? 'primary' : 'store')
    })
  })
  try {
    return await action({ primary, store, primaryUrl, storeUrl, silent })
  } catch (error) {
    throw scrubbed(gaveUp !== undefined && couldNotAsk(error) ? gaveUp : error, [primaryUrl, storeUrl])
  } finally {
    await Promise.all([...new Set([primary, store])].map((pool) => pool.end()))
    for (const watch of watches) watch.close()
    await embedded?.stop()
  }
}

async function withSessions<T>({ primary, store }: Place, action: (sessions: Sessions) => Promise<T>): Promise<T> {
  const storeClient = await store.connect()
  let primaryClient: pg.PoolClient | undefined
  try {
    primaryClient = primary === store ? storeClient : await primary.connect()
    return await action({ primary: primaryClient, store: storeClient })
  } finally {
    // a connection that nobody gives back would hold the end of the pool for ever
    if (primaryClient !== storeClient) primaryClient?.release(true)
    storeClient.release(true)
  }
}

/**
 * A missing right is a refusal, which a pipeline must not repeat. What `status` and `verify` may not read is not known:
 * 1 would say that the store differs.
 */
const exitOf = (error: unknown, verb: string): number =>
  error instanceof LockTimeout
    ? 6
    : couldNotAsk(error) || (refusesRole(error) && ['status', 'verify'].includes(verb))
      ? 3
      : 1

const isThere = async (pool: pg.Pool, relation: string) =>
  (await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [relation])).rows[0]?.there ===
  true

const noQueue =
  'There is no queue on exam_results, and nothing keeps the store in step. attempt-api store enable makes it anew, and the store is filled anew; store disable removes the store.'

async function status({ primary, store }: Place): Promise<number> {
  const queued = await isThere(primary, 'attempt_queue')
  if (!(await isThere(store, 'attempt_store'))) {
    console.log(
      queued
        ? 'There is no store here, but exam_results has a queue, which grows until its store takes from it: give the database of that store in STORE_DATABASE_URL. attempt-api store enable makes one here instead; store disable removes the queue.'
        : 'There is no store: every answer comes through the view. attempt-api store enable makes one.',
    )
    return 0
  }
  const {
    rows: [state],
  } = await store.query<{
    version: string
    state: string
    filled_rows: string
    filled_to: string | null
    lag: string | null
    differences: string
    difference_at: string | null
  }>(
    'select version, state, filled_rows, filled_to, extract(epoch from now() - caught_up_at)::numeric(20, 1) as lag, differences, to_char(difference_at at time zone \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\') as difference_at from attempt_store',
  )
  const share =
    state === undefined || state.filled_to === null ? 0 : parseInt(state.filled_to.slice(0, 8), 16) / 2 ** 32
  console.log(
    state?.state === 'ready'
      ? `The store is whole, at version ${state.version}, ${state.lag ?? '?'} s behind.`
      : `The store is being filled: ${state?.filled_rows} rows, ${Math.round(share * 100)} %. Answers come through the view until it is whole.`,
  )
  if (!queued) {
    console.log(noQueue)
    return 0
  }
  if ((await feeds({ primary, store })) === 'another')
    console.log(
      'The queue feeds another store: this one is in step no longer. attempt-api store enable makes it feed this one; store disable removes this one.',
    )
  const {
    rows: [waiting],
  } = await primary.query<{ n: string; oldest: string | null }>(
    'select count(*) as n, extract(epoch from now() - min(enqueued_at))::numeric(20, 1) as oldest from attempt_queue',
  )
  console.log(
    waiting?.n === '0'
      ? 'Nobody waits in the queue.'
      : `${waiting?.n} rows wait in the queue, the oldest for ${waiting?.oldest} s.`,
  )
  const faults = describeFaults(await triggerFaults(primary))
  if (faults !== undefined) console.log(faults)
  console.log(
    state?.differences === '0'
      ? 'Verification has found no difference.'
      : `Verification has found and repaired ${state?.differences} rows that differed, last at ${state?.difference_at}.`,
  )
  return 0
}

async function refresh(
  { primaryUrl, storeUrl, primary, store, silent }: Place,
  untilCaughtUp: boolean,
  retentionH: number,
): Promise<number> {
  if (!(await isThere(store, 'attempt_store')))
    throw new Error('There is no store: attempt-api store enable makes one.')
  await isThere(primary, 'attempt_queue')
  // a service that may only read leaves the store to others, and would wait for ever
  const {
    rows: [role],
  } = await store.query<{ may: boolean }>(`select has_table_privilege('attempt_store', 'update') as may`)
  if (role?.may !== true)
    throw new Error('This role may not write the store: use one that may (docs/access.md, roles).')
  const line = (object: object, message: string) => {
    console.log(
      [
        message,
        ...Object.entries(object).map(
          ([name, value]) => `${name} ${value instanceof Error ? value.message : String(value)}`,
        ),
      ].join('  '),
    )
  }
  const refresher = createRefresher({
    primaryUrl,
    storeUrl,
    once: untilCaughtUp,
    retentionH,
    log: { info: line, warn: line, error: line },
  })
  const running = refresher.run().then(() => 'caught up' as const)
  // without --once it is looked for again
  silent.push((server) => {
    refresher.dropConnections(server)
  })
  const ending = new AbortController()
  const signalled = Promise.race(['SIGINT', 'SIGTERM'].map((name) => once(process, name, { signal: ending.signal })))
  // nobody listens any more once the command is over
  signalled.catch(() => undefined)
  try {
    const ended = await Promise.race([running, signalled])
    if (!untilCaughtUp || ended === 'caught up') return 0
    console.error('attempt-api: stopped before the store had caught up')
    return 1
  } catch (error) {
    // the same question, by pools that know whose database they ask
    for (const pool of [store, primary]) if (couldNotAsk(error)) await isThere(pool, 'attempt_store')
    throw error
  } finally {
    ending.abort()
    await refresher.stop()
  }
}

async function verify(place: Place, share: number): Promise<number> {
  if (!(await isThere(place.store, 'attempt_store')))
    throw new Error('There is no store: attempt-api store enable makes one.')
  if (!(await isThere(place.primary, 'attempt_queue'))) throw new Error(noQueue)
  const { students, waiting, differences, days } = await withSessions(place, (sessions) =>
    verifyStore(sessions, share, (compared, done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${compared} students compared, ${Math.round(done * 100)} %`)
    }),
  )
  if (process.stderr.isTTY) process.stderr.write('\n')
  const faults = describeFaults(await triggerFaults(place.primary))
  if (faults !== undefined) console.error(faults)
  if (waiting > 0)
    console.log(`${waiting} students wait in the queue and were left out: the store may be behind for them.`)
  if (students > 0 && waiting === students) {
    console.error(
      'Everybody waits, and nobody was compared: try again when the refresher has caught up (attempt-api store status).',
    )
    return 3
  }
  if (days.length > 0)
    console.error(
      `The KPIs of ${days.length} days are not those of the rows: ${days.slice(0, 5).join(', ')}. attempt-api store rebuild fills the store anew.`,
    )
  if (differences.length === 0) {
    console.log(
      `${students - waiting} students compared: the store is what the view says${days.length > 0 ? ', but for the days' : ''}.`,
    )
    return days.length > 0 || faults !== undefined ? 1 : 0
  }
  console.error(
    `${differences.length} of ${students} students differ: ${differences
      .slice(0, 5)
      .map(({ student, rows }) => `${student} (${rows} rows)`)
      .join(', ')}. attempt-api store rebuild fills the store anew.`,
  )
  return 1
}

export const store: Command = {
  summary: 'enable, upgrade, disable, status, rebuild, verify or refresh: the maintained store',
  help: `attempt-api store enable [--wait 60] | upgrade [--wait 60] | disable [--wait 60] | status | rebuild | verify [--share 0.1] |
                  refresh [--once]

enable   makes the queue on exam_results (triggers that only append to it) and the store's tables, in
         DATABASE_URL or, where it is set, in STORE_DATABASE_URL; a refresher fills it. Mends triggers that
         somebody disabled, enabled otherwise or dropped, and has the store filled anew after that
upgrade  applies what a new version has besides to a store that is there; does nothing where there is none
disable  removes all of that again. Each waits for locks 2 s at a time, in all for --wait SECONDS, then exit 6
status   says how far the store is
rebuild  lets the store be emptied and filled anew; answers come through the view meanwhile. After partitions of
         exam_results were attached, detached, dropped or truncated by themselves, which no trigger sees
verify   compares the store with the view, all students or a share of them; exit 1 where they differ, or where
         the triggers are not as they were made, 3 where everybody's exams were just written
refresh  keeps the store in step until it is stopped (the service does so as well); --once: until it is caught up,
         exit 1 where it was stopped before, 3 where a database has been away for 10 s

exit     0 done   1 refused (a right that is missing, too), failed, or different   2 usage   3 the database could
         not be asked, try again   6 a lock was not to be had in time, try again`,
  async run(args, config) {
    const {
      values,
      positionals: [verb, ...rest],
    } = parse(args, { share: { type: 'string' }, once: { type: 'boolean' }, wait: { type: 'string', default: '60' } })
    const waitMs = seconds('wait', values.wait) * 1_000
    const share = Number(values.share ?? 1)
    if (!(share > 0 && share <= 1)) throw new UsageError('--share takes a number above 0, at most 1')
    const say = (line: string) => {
      console.log(line)
    }
    const actions: Record<string, (place: Place) => Promise<number>> = {
      enable: async (place) => {
        await enableStore(place, say, waitMs)
        return 0
      },
      upgrade: async (place) => {
        await upgradeStore(place, say, waitMs)
        return 0
      },
      disable: async (place) => {
        await disableStore(place, say, waitMs).catch((error: unknown) => {
          if (place.primaryUrl !== place.storeUrl && couldNotAsk(error))
            console.error(
              "Where the store's database is gone for good: without STORE_DATABASE_URL, store disable removes the queue and its triggers alone.",
            )
          throw error
        })
        return 0
      },
      status,
      rebuild: async (place) => {
        if (!(await isThere(place.store, 'attempt_store')))
          throw new Error('There is no store: attempt-api store enable makes one.')
        await withSessions(place, ({ store: client }) => rebuild(client))
        console.log(
          'The store is not read any more; a refresher (the service, or attempt-api store refresh) empties it and fills it anew.',
        )
        return 0
      },
      verify: (place) => verify(place, share),
      refresh: (place) => refresh(place, values.once === true, config().storeRetentionH),
    }
    const action = verb !== undefined && Object.hasOwn(actions, verb) ? actions[verb] : undefined
    if (action === undefined || rest.length > 0)
      throw new UsageError(`store takes one of ${Object.keys(actions).join(', ')}`)
    return withPlace(config(), action).catch((error: unknown) => {
      throw Object.assign(error as Error, { exitCode: exitOf(error, verb as string) })
    })
  },
}
