/**
 * `npm run bench [-- SUITE [EXAMS]]`: the figures, each a ratio to its stated limit within one run, on EXAMS exams of
 * 50 questions in an embedded PostgreSQL. Without a suite: all of them at their full size. Exit 1 where a limit is broken.
 */
import { figures, onStand, type Figures, type Stand } from './stand.js'
import { store } from './store.js'
import { streams } from './streams.js'
import { view } from './view.js'

const suites: Record<string, { exams: number; run(stand: Stand, figures: Figures): Promise<void> }> = {
  view: { exams: 20_000, run: view },
  streams: { exams: 100_000, run: streams },
  // begins with a tenth of its size
  store: { exams: 10_000, run: store },
}

const [name, size] = process.argv.slice(2)
if (name !== undefined && !Object.hasOwn(suites, name)) throw new Error(`there is no suite ${name}; there are ${Object.keys(suites).join(', ')}`)
const results = figures()
for (const [suite, { exams, run }] of Object.entries(suites)) {
  if (name === undefined || name === suite) await onStand(size === undefined ? exams : Number(size), (stand) => run(stand, results))
}
if (!results.table()) process.exitCode = 1
