import { upgradeStore } from '../../store/enable.js'
import { defineCommand, lockWait, print } from '../command.js'
import { lockExits, onStore } from './connections.js'

export const upgrade = defineCommand({
  examples: [
    ['attempt-api store upgrade', 'after migrate up, in every deployment'],
    ['attempt-api store upgrade --wait 600', 'the same, waiting up to 10 minutes for locks'],
  ],
  description: 'Applies the migrations that this version adds to an existing store. Does nothing if there is no store.',
  options: { wait: lockWait },
  exits: lockExits,
  run({ wait: waitMs }, { config }) {
    return onStore(config(), async (connections) => {
      await upgradeStore(connections, print, waitMs)
      return 0
    })
  },
})
