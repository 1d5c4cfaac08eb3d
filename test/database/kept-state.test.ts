/** What probes are told, while the question is answered, hangs, or fails. */
import t from 'tap'
import { createCachedState } from '../../src/health/kept-state.js'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

t.test('asks by itself, and tells what it heard last', async (t) => {
  let [asked, state] = [0, 'good']
  const kept = createCachedState(
    async () => {
      asked++
      return state
    },
    (one) => one === 'good',
  )
  t.teardown(() => kept.close())
  t.equal(await kept.get(), 'good')
  state = 'bad'
  const before = asked
  for (const end = Date.now() + 20_000; asked === before && Date.now() < end;) await pause(50)
  t.ok(asked > before, 'nobody had to come for it')
  t.equal(await kept.get(), 'bad')
  state = 'good'
  t.equal(await kept.get(), 'good', 'what was mended is told at once')
})

t.test('who comes before the first answer gets that one, though it is bad', async (t) => {
  let asked = 0
  let answer: (state: string) => void = () => undefined
  const kept = createCachedState(
    () => {
      asked++
      return new Promise<string>((done) => {
        answer = done
      })
    },
    (one) => one === 'good',
  )
  const first = kept.get()
  answer('bad')
  t.equal(await first, 'bad')
  t.equal(asked, 1)
  answer('bad')
  await kept.close()
})
