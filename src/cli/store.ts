import { once } from 'node:events'
import pg from 'pg'
import type { Config } from '../config.js'
import { startEmbedded } from '../database/embedded.js'
import { disableStore, enableStore, type StorePools } from '../store/enable.js'
import { createRefresher, rebuild, type Sessions } from '../store/refresher.js'
import { verifyStore } from '../store/verify.js'
import { parse, UsageError, type Command } from './command.js'

interface Place extends StorePools { sourceUrl: string; storeUrl: string }

/** The databases of the store; the embedded one is started where none is configured. */
async function withPlace(config: Config, action: (place: Place) => Promise<number>): Promise<number> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.embeddedDirectory) : undefined
  const sourceUrl = config.databaseUrl ?? (embedded as { url: string }).url
  const storeUrl = config.storeUrl ?? sourceUrl
  const open = (connectionString: string) => {
    const pool = new pg.Pool({ connectionString, max: 2, application_name: 'attempt-api command', connectionTimeoutMillis: 10_000, options: '-c lock_timeout=2s' })
    pool.on('error', () => undefined)
    return pool
  }
  const source = open(sourceUrl)
  const store = storeUrl === sourceUrl ? source : open(storeUrl)
  try {
    return await action({ source, store, sourceUrl, storeUrl })
  } finally {
    await Promise.all([...new Set([source, store])].map((pool) => pool.end()))
    await embedded?.stop()
  }
}

async function withSessions<T>({ source, store }: Place, action: (sessions: Sessions) => Promise<T>): Promise<T> {
  const storeClient = await store.connect()
  const sourceClient = source === store ? storeClient : await source.connect()
  try {
    return await action({ source: sourceClient, store: storeClient })
  } finally {
    if (sourceClient !== storeClient) sourceClient.release(true)
    storeClient.release(true)
  }
}

const isThere = async (pool: pg.Pool, relation: string) => (await pool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [relation])).rows[0]?.there === true

async function status({ source, store }: Place): Promise<number> {
  if (!await isThere(store, 'attempt_store')) {
    console.log('There is no store: every answer comes through the view. attempt-api store enable makes one.')
    return 0
  }
  const { rows: [state] } = await store.query<{ version: string; state: string; filled_rows: string; filled_to: string | null; lag: string | null; differences: string; difference_at: Date | null }>(
    'select version, state, filled_rows, filled_to, extract(epoch from now() - caught_up_at)::numeric(20, 1) as lag, differences, difference_at from attempt_store')
  const { rows: [waiting] } = await source.query<{ n: string; oldest: string | null }>('select count(*) as n, extract(epoch from now() - min(enqueued_at))::numeric(20, 1) as oldest from attempt_queue')
  const share = state === undefined || state.filled_to === null ? 0 : parseInt(state.filled_to.slice(0, 8), 16) / 2 ** 32
  console.log(state?.state === 'ready' ? `The store is whole, at version ${state.version}, ${state.lag ?? '?'} s behind.`
    : `The store is being filled: ${state?.filled_rows} rows, ${Math.round(share * 100)} %. Answers come through the view until it is whole.`)
  console.log(waiting?.n === '0' ? 'Nobody waits in the queue.' : `${waiting?.n} rows wait in the queue, the oldest for ${waiting?.oldest} s.`)
  console.log(state?.differences === '0' ? 'Verification has found no difference.' : `Verification has found and repaired ${state?.differences} rows that differed, last at ${state?.difference_at?.toISOString()}.`)
  return 0
}

async function refresh({ sourceUrl, storeUrl, store }: Place, untilCaughtUp: boolean, retentionH: number): Promise<number> {
  if (!await isThere(store, 'attempt_store')) throw new Error('There is no store: attempt-api store enable makes one.')
  const line = (object: object, message: string) => { console.log([message, ...Object.entries(object).map(([name, value]) => `${name} ${value instanceof Error ? value.message : String(value)}`)].join('  ')) }
  const refresher = createRefresher({ sourceUrl, storeUrl, once: untilCaughtUp, retentionH, log: { info: line, warn: line, error: line } })
  const running = refresher.run()
  await Promise.race([running, once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await refresher.stop()
  return 0
}

async function verify(place: Place, share: number): Promise<number> {
  if (!await isThere(place.store, 'attempt_store')) throw new Error('There is no store: attempt-api store enable makes one.')
  const { students, waiting, differences, days } = await withSessions(place, (sessions) => verifyStore(sessions, share, (compared, done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${compared} students compared, ${Math.round(done * 100)} %`)
  }))
  if (process.stderr.isTTY) process.stderr.write('\n')
  if (waiting > 0) console.log(`${waiting} students wait in the queue and were left out: the store may be behind for them.`)
  if (days.length > 0) console.error(`The KPIs of ${days.length} days are not those of the rows: ${days.slice(0, 5).join(', ')}. attempt-api store rebuild fills the store anew.`)
  if (differences.length === 0) {
    console.log(`${students - waiting} students compared: the store is what the view says${days.length > 0 ? ', but for the days' : ''}.`)
    return days.length > 0 ? 1 : 0
  }
  console.error(`${differences.length} of ${students} students differ: ${differences.slice(0, 5).map(({ student, rows }) => `${student} (${rows} rows)`).join(', ')}. attempt-api store rebuild fills the store anew.`)
  return 1
}

export const store: Command = {
  summary: 'enable, disable, status, rebuild, verify or refresh: the maintained store',
  help: `attempt-api store enable | disable | status | rebuild | verify [--share 0.1] | refresh [--once]

enable   makes the queue on exam_results (triggers that only append to it) and the store's tables, in
         DATABASE_URL or, where it is set, in STORE_DATABASE_URL; a refresher fills it
disable  removes all of that again
status   says how far the store is
rebuild  lets the store be emptied and filled anew; answers come through the view meanwhile. After partitions of
         exam_results were attached, detached, dropped or truncated by themselves, which no trigger sees
verify   compares the store with the view, all students or a share of them; exit 1 where they differ
refresh  keeps the store in step until it is stopped (the service does so as well); --once: until it is caught up`,
  async run(args, config) {
    const { values, positionals: [verb, ...rest] } = parse(args, { share: { type: 'string' }, once: { type: 'boolean' } })
    const share = Number(values.share ?? 1)
    if (!(share > 0 && share <= 1)) throw new UsageError('--share takes a number above 0, at most 1')
    const say = (line: string) => { console.log(line) }
    const actions: Record<string, (place: Place) => Promise<number>> = {
      enable: async (place) => { await enableStore(place, say); return 0 },
      disable: async (place) => { await disableStore(place, say); return 0 },
      status,
      rebuild: async (place) => {
        if (!await isThere(place.store, 'attempt_store')) throw new Error('There is no store: attempt-api store enable makes one.')
        await withSessions(place, ({ store: client }) => rebuild(client))
        console.log('The store is not read any more; a refresher (the service, or attempt-api store refresh) empties it and fills it anew.')
        return 0
      },
      verify: (place) => verify(place, share),
      refresh: (place) => refresh(place, values.once === true, config().storeRetentionH),
    }
    const action = verb !== undefined && Object.hasOwn(actions, verb) ? actions[verb] : undefined
    if (action === undefined || rest.length > 0) throw new UsageError(`store takes one of ${Object.keys(actions).join(', ')}`)
    return withPlace(config(), action)
  },
}
