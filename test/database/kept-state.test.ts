/** What probes receive while the query behind the state runs, hangs or fails. */
import t from 'tap'
import { createCachedState } from '../../src/health/kept-state.js'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

t.test('it is refreshed in the background, and gives the last state', async (t) => {
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
  t.ok(asked > before, 'without a probe')
  t.equal(await kept.get(), 'bad')
  state = 'good'
  t.equal(await kept.get(), 'good', 'a good state replaces a bad one at once')
})

t.test('a probe before the first state receives that state, even a bad one', async (t) => {
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
