import { viewMigrations } from '../../migrate/migration-sets.js'
import { migrationStatus } from '../../migrate/status.js'
import { defineCommand, flag, print } from '../command.js'
import { createPool } from '../database.js'
import { answerMs, onPrimary } from './run.js'

const exits = { current: 0, pending: 4, other: 5 } as const

export const status = defineCommand({
  examples: [
    ['attempt-api migrate status', 'one sentence per migration and index'],
    ['attempt-api migrate status --json', 'the same for a script: {"lines": [...], "state": "current"}'],
  ],
  description: `
    Lists which migrations are applied (with time and hash), pending, edited after they were applied, or unknown to
    this version, and whether the indexes exist. Includes the migrations of a store, in STORE_DATABASE_URL if that is
    set.`,
  options: { json: flag('print JSON') },
  exits: {
    0: 'up to date',
    1: 'failed',
    3: 'the status is unknown: the database could not be reached (retry), or denies access',
    4: 'a migration is pending, or an index is invalid',
    5: 'a migration was edited or comes from a newer version, or the view was dropped',
  },
  run({ json }, { config }) {
    const settings = config()
    const { storeUrl } = settings
    return onPrimary(
      settings,
      async (pool) => {
        const storePool =
          storeUrl === undefined ? undefined : createPool(storeUrl, 'STORE_DATABASE_URL', { answerMs, guarded: true })
        const found = await migrationStatus(pool, viewMigrations, storePool).finally(() => storePool?.end())
        print(json ? JSON.stringify(found, null, 2) : found.lines.join('\n'))
        return exits[found.state]
      },
      { deniedIsUnknown: true },
    )
  },
})
