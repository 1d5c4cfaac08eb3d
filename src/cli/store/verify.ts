import { relationExists } from '../../migrate/ledger.js'
import { queueFaults } from '../../store/queue-faults.js'
import { verifyStore } from '../../store/verify.js'
import { defineCommand, print, UsageError, type Option } from '../command.js'
import { createProgress } from '../progress.js'
import { noQueue, onStore, requireStore, withSessions, type StoreConnections } from './connections.js'

const share: Option<number> = {
  value: 'SHARE',
  help: 'share of the students to compare, above 0 and at most 1',
  fallback: '1, every student',
  read(given) {
    const text = given.at(-1) ?? '1'
    const value = Number(text)
    if (!(value > 0 && value <= 1))
      throw new UsageError(`--share must be a number above 0 and at most 1, such as --share 0.1; got "${text}"`)
    return value
  },
}

/** How many differences a message names. */
const mostNamed = 5

const repair = 'attempt-api store rebuild fills the store again.'

async function compare(connections: StoreConnections, share: number): Promise<number> {
  await requireStore(connections)
  if (!(await relationExists(connections.primary, 'attempt_queue'))) throw new Error(noQueue)
  const progress = createProgress(process.stderr)
  const { students, waiting, setAside, differences, days } = await withSessions(connections, (sessions) =>
    verifyStore(sessions, share, (compared, done) => {
      if (process.stderr.isTTY) progress.update(`${compared} students compared, ${Math.round(done * 100)} %`)
    }),
  )
  progress.end()
  const faults = await queueFaults(connections.primary)
  if (faults !== undefined) console.error(faults)
  if (waiting > 0) print(`${waiting} students are queued and were not compared: the store may be behind for them.`)
  if (setAside > 0)
    print(`${setAside} students were not compared, because exams of them are set aside (attempt-api store status).`)
  if (students > 0 && waiting === students) {
    console.error(
      'Every student is queued, so none was compared. Retry when the refresher has caught up (attempt-api store ' +
        'status).',
    )
    return 3
  }
  if (days.length > 0)
    console.error(
      `The KPIs of ${days.length} days differ from those of their rows: ` +
        `${days.slice(0, mostNamed).join(', ')}. ${repair}`,
    )
  if (differences.length > 0) {
    const list = differences.slice(0, mostNamed).map(({ student, rows }) => `${student} (${rows} rows)`)
    console.error(`${differences.length} of ${students} students differ: ${list.join(', ')}. ${repair}`)
    return 1
  }
  const exception = days.length > 0 ? ', except for the KPIs of those days' : ''
  print(`${students - waiting - setAside} students compared: the store matches the view${exception}.`)
  return days.length > 0 || faults !== undefined ? 1 : 0
}

export const verify = defineCommand({
  examples: [
    ['attempt-api store verify', 'compare every student'],
    ['attempt-api store verify --share 0.1', 'compare a random tenth of the students'],
  ],
  description: `
    Compares the rows of the store with the view, and the KPIs of each day with its rows. Reads only, repairs nothing.
    Students whose exams are queued are left out.`,
  options: { share },
  exits: {
    0: 'no difference',
    1: 'rows or KPIs differ, the queue is incomplete, or the comparison failed',
    3: 'a database could not be reached or denies access, or every student is queued: retry',
  },
  run({ share }, { config }) {
    return onStore(config(), (connections) => compare(connections, share), { deniedIsUnknown: true })
  },
})
