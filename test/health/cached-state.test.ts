/** The state that probes are served while the database answers, hangs or fails. */
import t from 'tap'
import { createCachedState } from '../../src/health/cached-state.js'
import { until } from '../helpers/until.js'

const isGood = (state: string) => state === 'good'

t.test('reads by itself once it is started, and serves what it read last', async (t) => {
  let [reads, state] = [0, 'good']
  const cache = createCachedState(
    async () => {
      reads++
      return state
    },
    isGood,
    { intervals: { readEveryMs: 50, freshMs: 1_500 } },
  )
  t.teardown(() => cache.close())
  t.equal(reads, 0, 'not before')
  cache.start()
  t.equal(await cache.get(), 'good')
  state = 'bad'
  const before = reads
  await until(() => reads > before, 'it reads without a probe')
  await until(async () => (await cache.get()) === 'bad', 'the bad state is served')
  state = 'good'
  t.equal(await cache.get(), 'good', 'a repair is reported at once')
})

t.test('a probe before the first read has ended gets its state, though it is bad', async (t) => {
  let reads = 0
  let answer: (state: string) => void = () => undefined
  const cache = createCachedState(() => {
    reads++
    return new Promise<string>((done) => {
      answer = done
    })
  }, isGood)
  cache.start()
  const first = cache.get()
  answer('bad')
  t.equal(await first, 'bad')
  t.equal(reads, 1)
  answer('bad')
  await cache.close()
})

t.test('an initial state is served at once while the first read hangs', async (t) => {
  const cache = createCachedState(() => new Promise<string>(() => undefined), isGood, { initial: 'bad' })
  cache.start()
  const began = performance.now()
  t.equal(await cache.get(), 'bad')
  t.ok(performance.now() - began < 10_000)
})
