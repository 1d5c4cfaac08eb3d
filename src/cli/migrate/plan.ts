import { missingViewMessage, viewIsMissing } from '../../migrate/ledger.js'
import { describePlan } from '../../migrate/describe-plan.js'
import { planUp } from '../../migrate/plan.js'
import { viewMigrations } from '../../migrate/migration-sets.js'
import { defineCommand, flag, print } from '../command.js'
import { again, onPrimary, replace, retryableExits, warnOfHistory } from './run.js'

export const plan = defineCommand({
  examples: [
    ['attempt-api migrate plan', 'the SQL, the locks it takes, and the dependants of the view'],
    [
      'attempt-api migrate plan --replace --json > plan.json',
      'the same for replacing a view with other columns, as JSON',
    ],
  ],
  description: `
    Tries the migration in a transaction that is rolled back, and prints the SQL, the locks and the dependants of the
    view. Changes nothing. Waits at most 2 seconds for a lock; sessions that read a view being replaced wait
    during the trial and its contract check.`,
  options: { replace, again, json: flag('print JSON') },
  exits: { 0: 'migrate up would work, or has nothing to do', 1: 'migrate up would be refused', ...retryableExits },
  run({ replace, again, json }, { config }) {
    const settings = config()
    return onPrimary(settings, async (pool) => {
      const checkMs = settings.contractTimeoutMs
      const found = await planUp(pool, viewMigrations, { replace, again, checkMs })
      print(json ? JSON.stringify(found, null, 2) : describePlan(found))
      if (!json) await warnOfHistory(pool)
      if (found.pending.length === 0 && (await viewIsMissing(pool))) throw new Error(missingViewMessage)
      return 0
    })
  },
})
