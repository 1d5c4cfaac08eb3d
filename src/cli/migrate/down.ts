import { dropIndexes } from '../../migrate/indexes.js'
import { migrateDown } from '../../migrate/runner.js'
import { viewMigrations } from '../../migrate/migration-sets.js'
import { defineCommand, lockWait, print } from '../command.js'
import { indexesDiffer, noIndexes, onPrimary, retryableExits } from './run.js'

export const down = defineCommand({
  examples: [
    ['attempt-api migrate down', 'drop the view and the indexes'],
    [
      'attempt-api migrate down --wait 10 --no-indexes',
      'drop the view only, and give up after 10 seconds if a session is using it',
    ],
  ],
  description: `
    Reverts the last migration, which drops the view, and drops the indexes. Refuses while other objects depend on the
    views, naming them, and while a store exists: run attempt-api store disable first.`,
  options: { wait: lockWait, 'no-indexes': noIndexes },
  exits: {
    0: 'reverted, or nothing to revert',
    1: 'refused or failed; nothing was changed, unless only dropping an index failed',
    ...retryableExits,
  },
  run({ wait: waitMs, 'no-indexes': noIndexes }, { config }) {
    return onPrimary(config(), async (pool) => {
      // also indexes that an earlier, interrupted down left
      const dropping = !noIndexes && (await indexesDiffer(pool, 'missing'))
      const steps = await migrateDown(pool, viewMigrations, { waitMs, report: print })
      for (const { name } of steps) print(`reverted ${name}`)
      if (steps.length === 0)
        print(`Nothing to revert: no migration is applied${dropping ? '; dropping the remaining indexes' : ''}.`)
      if (dropping) await dropIndexes(pool, { waitMs })
      return 0
    })
  },
})
