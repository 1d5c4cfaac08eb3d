/** What a database has and what this version would apply, in sentences and as a state. */
import type pg from 'pg'
import { attemptV1 } from '../contract/attempt-v1.js'
import { formerLedgerTable } from '../contract/contract.js'
import { describeCreator, readCreators } from '../contract/creators.js'
import { onTrusted, schemasOnPath } from '../database/trust.js'
import { indexStates, type IndexState } from './indexes.js'
import { missingViewMessage, readLedger, relationExists, viewIsMissing } from './ledger.js'
import { queueMigrations, storeMigrations, viewMigrations, type MigrationSet } from './migration-sets.js'

export interface Status {
  lines: string[]
  /** `other`: a migration was edited or comes from a newer version, or the view is missing. It outweighs `pending`. */
  state: 'current' | 'pending' | 'other'
}

const short = (hash: string) => hash.slice(0, 12)

async function statusOfSet(pool: pg.Pool, set: MigrationSet, command: string): Promise<Status> {
  const { applied, pending, edited, withoutHash, unknown, hashes, former } = await readLedger(pool, set)
  const lines = applied.map(({ name, appliedAt, hash }) => {
    const time = Number.isNaN(appliedAt.getTime()) ? 'an unknown time' : appliedAt.toISOString()
    const was = `${name} was applied at ${time}`
    if (unknown.includes(name)) return `${was} by a newer version; this version does not know it.`
    if (withoutHash.includes(name)) return `${was}, before hashes were recorded; the next ${command} records its hash.`
    if (edited.includes(name))
      return (
        `${was} with the hash ${short(hash ?? '')} and was edited since: in this version its hash is ` +
        `${short(hashes.get(name) ?? '')}. An applied migration must not change; put the edit into a new one.`
      )
    return `${was}, hash ${short(hash ?? '')}.`
  })
  if (former !== undefined)
    lines.push(
      `The table ${formerLedgerTable} has records of this service; the next ${command} moves them into ${set.table}.`,
    )
  lines.push(...pending.map((name) => `${name} is pending: ${command} applies it.`))
  return { lines, state: edited.length + unknown.length > 0 ? 'other' : pending.length > 0 ? 'pending' : 'current' }
}

/** A sentence for each role that could create what the service would take for its own. */
async function creatorLines(pool: pg.Pool): Promise<string[]> {
  const creators = await onTrusted(pool, async (client) =>
    readCreators(client, await schemasOnPath(client), attemptV1.view),
  )
  return creators.map((creator) => {
    const { finding, remedy } = describeCreator(creator)
    const sentence = finding.replace(/^./, (first) => first.toUpperCase())
    return `${sentence}, which the service could take for its own. Run ${remedy} (docs/access.md, roles).`
  })
}

const indexSentences: Record<IndexState, string> = {
  ready: 'exists.',
  missing: 'is missing: attempt-api migrate up builds it; it is optional (--no-indexes).',
  invalid:
    'is invalid: a build is running or has failed. ' +
    'attempt-api migrate up waits for a running build and repeats a failed one.',
}

/**
 * Reads only. Includes the sets of the store if they are applied.
 * @param storePool the store's database, if that is another one
 */
export async function migrationStatus(
  pool: pg.Pool,
  set: MigrationSet = viewMigrations,
  storePool = pool,
): Promise<Status> {
  const sets = [await statusOfSet(pool, set, 'attempt-api migrate up')]
  const optionalSets: [pg.Pool, MigrationSet][] =
    set === viewMigrations
      ? [
          [pool, queueMigrations],
          [storePool, storeMigrations],
        ]
      : []
  for (const [database, optional] of optionalSets) {
    if (await relationExists(database, optional.table))
      sets.push(await statusOfSet(database, optional, 'attempt-api store upgrade'))
  }
  const states = sets.map(({ state }) => state)
  const lines = sets.flatMap((one) => one.lines)
  for (const one of new Set([pool, storePool])) lines.push(...(await creatorLines(one)))
  if (set === viewMigrations) {
    if (await viewIsMissing(pool)) {
      lines.push(missingViewMessage)
      states.push('other')
    }
    for (const [name, state] of Object.entries(await indexStates(pool))) {
      lines.push(`Index ${name} ${indexSentences[state]}`)
      if (state === 'invalid') states.push('pending')
    }
  }
  return { lines, state: states.includes('other') ? 'other' : states.includes('pending') ? 'pending' : 'current' }
}
