import type pg from 'pg'
import { feeds, type StorePools } from '../../store/enable.js'
import { relationExists } from '../../migrate/ledger.js'
import { queueFaults } from '../../store/queue-faults.js'
import { describeProblems, readProblems } from '../../store/queue-problems.js'
import { listSetAside } from '../../store/set-aside.js'
import { queueIsCurrent } from '../../store/schema-version.js'
import { defineCommand, print } from '../command.js'
import { noQueue, onStore, storeExits } from './connections.js'

interface StoreState {
  version: string
  state: string
  filled_rows: string
  /** The last student filled; students are filled in the order of their ids. */
  filled_to: string | null
  lag: string | null
  differences: string
  difference_at: string | null
  /** null: the schema is from an older release. */
  set_aside: string | null
}

const withoutStore = (queued: boolean) =>
  queued
    ? 'There is no store in this database, but exam_results has a queue, which grows until its store reads it. Set ' +
      'STORE_DATABASE_URL to the database of that store, create a store here with attempt-api store enable, or ' +
      'remove the queue with attempt-api store disable.'
    : 'There is no store: requests read the view. Create one with attempt-api store enable.'

function describeState(state: StoreState | undefined): string {
  if (state?.state === 'ready') return `The store is ready, at version ${state.version}, ${state.lag ?? '?'} s behind.`
  const { filled_rows: rows = '0', filled_to: last = null } = state ?? {}
  // ids are uniformly distributed, so the first 32 bits of the last one give the share that is filled
  const share = last === null ? 0 : parseInt(last.slice(0, 8), 16) / 2 ** 32
  const done = `${rows} rows, ${Math.round(share * 100)} %`
  return `The store is being filled: ${done}. Until it is ready, requests read the view.`
}

async function describeQueue(primary: pg.Pool): Promise<string> {
  const { rows } = await primary.query<{ n: string; oldest: string | null }>(
    `select count(*) as n, extract(epoch from now() - min(enqueued_at))::numeric(20, 1) as oldest
     from attempt_queue`,
  )
  const [queue] = rows
  return queue === undefined || queue.n === '0'
    ? 'The queue is empty.'
    : `The queue has ${queue.n} rows, the oldest ${queue.oldest} s old.`
}

/** Why the queue does not have every exam that was written, if so. */
async function describeIncomplete(primary: pg.Pool): Promise<string[]> {
  const { rows } = await primary.query<{ current: boolean }>(`select ${queueIsCurrent} as current`)
  if (rows[0]?.current !== true)
    return ['The schema of the queue is from an older release. Run attempt-api store upgrade.']
  const faults = await queueFaults(primary)
  if (faults !== undefined) return [faults]
  const problems = await readProblems(primary)
  return problems === undefined
    ? []
    : [`${describeProblems(problems)} The refresher fills the store again; until then, requests read the view.`]
}

/** How many exams a message names. */
const mostNamed = 20

/** The exams that the store does not have, and why. */
async function describeSetAside(store: pg.Pool, count: number): Promise<string[]> {
  if (count === 0) return []
  const exams = await listSetAside(store, mostNamed)
  return [
    `${count === 1 ? '1 exam is' : `${count} exams are`} set aside: the store does not have ` +
      `${count === 1 ? 'its' : 'their'} attempts, the view has. The refresher retries each one once a day and when ` +
      'the exam changes; attempt-api store retry makes it retry now.',
    ...exams.map(({ exam, reason, since, retryAt }) => `  ${exam}: ${reason}. Since ${since}, next at ${retryAt}.`),
    ...(count > exams.length ? [`  and ${count - exams.length} more (table attempt_set_aside)`] : []),
  ]
}

async function describeStore({ primary, store }: StorePools): Promise<string[]> {
  const queued = await relationExists(primary, 'attempt_queue')
  if (!(await relationExists(store, 'attempt_store'))) return [withoutStore(queued)]
  const { rows } = await store.query<StoreState>(
    `select version, state, filled_rows, filled_to, differences, to_jsonb(attempt_store) ->> 'set_aside' as set_aside,
            extract(epoch from now() - caught_up_at)::numeric(20, 1) as lag,
            to_char(difference_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as difference_at
     from attempt_store`,
  )
  const [state] = rows
  const lines = [describeState(state)]
  if (!queued) return [...lines, noQueue]
  if ((await feeds({ primary, store })) === 'another')
    lines.push(
      'The queue feeds another store, so this one is no longer updated. attempt-api store enable makes the queue ' +
        'feed this store; attempt-api store disable removes this store.',
    )
  lines.push(await describeQueue(primary))
  lines.push(...(await describeSetAside(store, Number(state?.set_aside ?? 0))))
  lines.push(...(await describeIncomplete(primary)))
  lines.push(
    state === undefined || state.differences === '0'
      ? 'Verification has found no difference.'
      : `Verification has found and repaired ${state.differences} differing rows, the last at ${state.difference_at}.`,
  )
  return lines
}

export const status = defineCommand({
  examples: [
    ['attempt-api store status', 'whether the store is ready, how far it is behind, and how long the queue is'],
    ['attempt-api store status | head -1', 'only whether the store is ready'],
  ],
  description: 'Reads only. A store that is not ready is not an error: requests read the view.',
  options: {},
  exits: { ...storeExits, 3: 'a database could not be reached (retry), or denies access' },
  run(_options, { config }) {
    return onStore(
      config(),
      async (connections) => {
        for (const line of await describeStore(connections)) print(line)
        return 0
      },
      { deniedIsUnknown: true },
    )
  },
})
