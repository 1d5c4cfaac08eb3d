import { listSetAside, retrySetAside } from '../../store/set-aside.js'
import { defineCommand, print, UsageError, type Option } from '../command.js'
import { onStore, requireStore, storeExits } from './connections.js'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const exam: Option<string | undefined> = {
  value: 'ID',
  help: 'only this exam (exam_results.id)',
  fallback: 'all exams that are set aside',
  read(given) {
    const id = given.at(-1)
    if (id !== undefined && !uuid.test(id))
      throw new UsageError(
        `--exam must be an id of exam_results, such as 0b9cf3c9-5b8e-4d6c-9d5b-000000000001; got "${id}"`,
      )
    return id
  },
}

export const retry = defineCommand({
  examples: [
    ['attempt-api store retry', 'have the refresher retry every exam that it set aside'],
    ['attempt-api store retry --exam 0b9cf3c9-5b8e-4d6c-9d5b-000000000001', 'only this exam'],
  ],
  description: `
    The refresher sets an exam aside if it cannot take it into the store; attempt-api store status lists these exams
    with the reasons. It retries each of them once a day, and whenever the exam changes. This command makes it retry
    them now, one after another.`,
  options: { exam },
  exits: storeExits,
  run({ exam: id }, { config }) {
    return onStore(config(), async (connections) => {
      await requireStore(connections)
      const retried = await retrySetAside(connections.store, id)
      if (retried > 0) {
        const exams = retried === 1 ? '1 exam' : `${retried} exams`
        print(`The refresher retries ${exams}. attempt-api store status lists those that it sets aside again.`)
        return 0
      }
      if (id === undefined || (await listSetAside(connections.store, 1)).length === 0) {
        print('No exam is set aside.')
        return 0
      }
      throw new Error(`The exam ${id} is not set aside. attempt-api store status lists those that are.`)
    })
  },
})
