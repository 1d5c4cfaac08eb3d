/** What probes are told, while the question is answered, hangs, or fails. */
import t from 'tap'
import { createCachedState } from '../../src/health/kept-state.js'
import { until } from '../helpers/until.js'

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
  await until(() => asked > before, 'it asks without being called')
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
