import { enableStore } from '../../store/enable.js'
import { defineCommand, lockWait, print } from '../command.js'
import { lockExits, onStore } from './connections.js'

export const enable = defineCommand({
  examples: [
    ['attempt-api store enable', 'create the store beside exam_results'],
    [
      'attempt-api store enable --wait 600',
      'the same, waiting up to 10 minutes for the locks of long transactions on exam_results',
    ],
  ],
  description: `
    Creates the queue on exam_results, whose triggers only append to it, and the tables of the store in DATABASE_URL
    or, if set, in STORE_DATABASE_URL. A refresher then fills the store. On an existing store it repairs triggers that
    were disabled, changed or dropped, and has the store filled again.`,
  options: { wait: lockWait },
  exits: lockExits,
  run({ wait: waitMs }, { config }) {
    return onStore(config(), async (connections) => {
      await enableStore(connections, print, waitMs)
      return 0
    })
  },
})
