/**
 * `npm run bench [-- SUITE [SIZE]]`: the figures, each a ratio to its stated limit within one run, on SIZE exams of
 * 50 questions (`writers`: so many rounds; `bad-requests`: so many requests; `overload`: so many seconds) in an embedded PostgreSQL. Without a suite: all of them at their full size. Exit 1 where a limit is broken.
 */
import { badRequests } from './bad-requests.js'
import { figures, onStand, type Figures, type Stand } from './harness.js'
import { overload } from './overload.js'
import { store } from './store.js'
import { streams } from './streams.js'
import { view } from './view.js'
import { writers } from './writers.js'

const suites: Record<
  string,
  {
    exams: number
    /** Counted in something else than exams. */ size?: number
    run(stand: Stand, figures: Figures): Promise<void>
  }
> = {
  view: { exams: 20_000, run: view },
  streams: { exams: 100_000, run: streams },
  // begins with a tenth of its size
  store: { exams: 10_000, run: store },
  // 200 exams, and so many rounds
  writers: { exams: 200, size: 15, run: writers },
  // 200 exams, and so many requests
  'bad-requests': { exams: 200, size: 100_000, run: badRequests },
  // 4,000 exams, and so many seconds
  overload: { exams: 4_000, size: 60, run: overload },
}

const [name, size] = process.argv.slice(2)
if (name !== undefined && !Object.hasOwn(suites, name))
  throw new Error(`there is no suite ${name}; there are ${Object.keys(suites).join(', ')}`)
const results = figures()
for (const [suite, { exams, size: usual, run }] of Object.entries(suites)) {
  if (name !== undefined && name !== suite) continue
  const asked = size === undefined ? (usual ?? exams) : Number(size)
  await onStand({ exams: usual === undefined ? asked : exams, size: asked }, (stand) => run(stand, results))
}
if (!results.table()) process.exitCode = 1
