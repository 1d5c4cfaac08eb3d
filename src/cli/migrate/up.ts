import { buildIndexes } from '../../migrate/indexes.js'
import { missingViewMessage, viewIsMissing } from '../../migrate/ledger.js'
import { migrateUp } from '../../migrate/runner.js'
import { viewMigrations } from '../../migrate/migration-sets.js'
import { defineCommand, lockWait, print } from '../command.js'
import { again, indexesDiffer, noIndexes, onPrimary, replace, retryableExits, warnOfHistory } from './run.js'

export const up = defineCommand({
  examples: [
    ['attempt-api migrate up', 'apply the pending migrations, then build the two indexes'],
    [
      'attempt-api migrate up --wait 300 --no-indexes',
      'wait up to 5 minutes for locks, and leave the indexes to the owner of exam_results',
    ],
  ],
  description: `
    Applies the pending migrations in one transaction, which commits only if the view passes the contract check. Then
    builds two indexes on exam_results concurrently: other sessions read and write the table meanwhile. Each try
    waits at most 2 seconds for a lock and then releases its locks, so other sessions never wait longer behind it.
    Several runners at once are safe: one applies, the others find nothing to do.`,
  options: { wait: lockWait, replace, again, 'no-indexes': noIndexes },
  exits: {
    0: 'applied, or nothing to apply',
    1: 'refused or failed; nothing was changed, unless only an index build failed',
    ...retryableExits,
  },
  run({ wait: waitMs, replace, again, 'no-indexes': noIndexes }, { config }) {
    const settings = config()
    return onPrimary(settings, async (pool) => {
      if (!noIndexes) await indexesDiffer(pool, 'ready')
      const checkMs = settings.contractTimeoutMs
      const steps = await migrateUp(pool, viewMigrations, { waitMs, replace, again, checkMs, report: print })
      for (const { name } of steps) print(`applied ${name}`)
      if (steps.length === 0) {
        print('Nothing to apply: every migration is applied.')
        if (replace)
          print(
            '--replace has no effect while every migration is applied; use attempt-api migrate up --again --replace.',
          )
        if (await viewIsMissing(pool)) throw new Error(missingViewMessage)
      }
      await warnOfHistory(pool)
      if (noIndexes)
        print(
          'The indexes were not built: without them, a request for one student or a range of days reads the whole ' +
            'table.',
        )
      else await buildIndexes(pool, print, { waitMs })
      return 0
    })
  },
})
