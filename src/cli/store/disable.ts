import { disableStore } from '../../store/enable.js'
import { defineCommand, lockWait, print } from '../command.js'
import { isUnreachable } from '../failure.js'
import { lockExits, onStore } from './connections.js'

export const disable = defineCommand({
  examples: [
    ['attempt-api store disable', 'remove everything that store enable created'],
    ['attempt-api store disable --wait 10', 'the same, giving up after 10 seconds if a session holds a lock'],
  ],
  description: `
    Removes the triggers, the queue and the store. Requests read the view afterwards. If the database in
    STORE_DATABASE_URL no longer exists, run it without that variable: it then removes the queue and its triggers.`,
  options: { wait: lockWait },
  exits: lockExits,
  run({ wait: waitMs }, { config }) {
    return onStore(config(), async (connections) => {
      try {
        await disableStore(connections, print, waitMs)
      } catch (error) {
        if (connections.primaryUrl !== connections.storeUrl && isUnreachable(error))
          console.error(
            'If the database of the store no longer exists, run attempt-api store disable without ' +
              'STORE_DATABASE_URL: it then removes only the queue and its triggers.',
          )
        throw error
      }
      return 0
    })
  },
})
