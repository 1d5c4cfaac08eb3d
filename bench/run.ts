/**
 * `npm run bench [-- SUITE [SIZE]]`: measures ratios within one run and compares each with its limit; exits 1 where one
 * is exceeded. SIZE is the number of exams of 50 questions in the embedded PostgreSQL (`writers`: of rounds;
 * `bad-requests`: of requests; `overload`: of seconds). Without a suite: all of them, at their full size.
 *
 *   npm run bench -- view
 *   npm run bench -- bad-requests 5000
 */
import { badRequests } from './bad-requests.js'
import { figures, withBench, type Figures, type Bench } from './harness.js'
import { overload } from './overload.js'
import { store } from './store.js'
import { streams } from './streams.js'
import { view } from './view.js'
import { writers } from './writers.js'

const suites: Record<
  string,
  {
    exams: number
    /** Default SIZE of a suite that does not count exams. */
    size?: number
    run(bench: Bench, figures: Figures): Promise<void>
  }
> = {
  view: { exams: 20_000, run: view },
  streams: { exams: 100_000, run: streams },
  // it adds nine times as many
  store: { exams: 10_000, run: store },
  // rounds
  writers: { exams: 200, size: 15, run: writers },
  // requests
  'bad-requests': { exams: 200, size: 100_000, run: badRequests },
  // seconds
  overload: { exams: 4_000, size: 60, run: overload },
}

const [name, size] = process.argv.slice(2)
if (name !== undefined && !Object.hasOwn(suites, name))
  throw new Error(`Unknown suite "${name}". Suites: ${Object.keys(suites).join(', ')}. Example: npm run bench -- view`)
const results = figures()
for (const [suite, { exams, size: defaultSize, run }] of Object.entries(suites)) {
  if (name !== undefined && name !== suite) continue
  const chosen = size === undefined ? (defaultSize ?? exams) : Number(size)
  await withBench({ exams: defaultSize === undefined ? chosen : exams, size: chosen }, (bench) => run(bench, results))
}
if (!results.table()) process.exitCode = 1
