import { upgradeStore } from '../../store/enable.js'
import { defineCommand } from '../command.js'
import { lockExits, onStore, say, wait } from './connections.js'

export const upgrade = defineCommand({
  examples: [
    ['attempt-api store upgrade', 'after migrate up, in every deployment'],
    ['attempt-api store upgrade --wait 600', 'the same, waiting up to 10 minutes for locks'],
  ],
  description:
    'Applies the migrations that this version adds to an existing store. Does nothing where there is no store.',
  options: { wait },
  exits: lockExits,
  run({ wait: waitMs }, { config }) {
    return onStore(config(), async (connections) => {
      await upgradeStore(connections, say, waitMs)
      return 0
    })
  },
})
