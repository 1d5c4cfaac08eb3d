/** What a database has and what this version would have, in sentences and as an exit code. */
import type pg from 'pg'
import { indexStates } from './indexes.js'
import { gone, readLedger, viewIsGone } from './ledger.js'
import { viewMigrations, queueMigrations, storeMigrations, type MigrationSet } from './sets.js'

export interface Status {
  lines: string[]
  /** `other`: edited since, from a newer version, or the view is gone; it outweighs `pending`. */
  state: 'current' | 'pending' | 'other'
}

const short = (hash: string) => hash.slice(0, 12)

async function ofSet(pool: pg.Pool, set: MigrationSet, command: string): Promise<Status> {
  const { applied, pending, edited, unhashed, unknown, hashes } = await readLedger(pool, set)
  const lines = applied.map(({ name, appliedAt, hash }) => {
    const when = `${name} was applied at ${Number.isNaN(appliedAt.getTime()) ? 'an unknown time' : appliedAt.toISOString()}`
    if (unknown.includes(name)) return `${when} by a newer version: this one does not know it.`
    if (unhashed.includes(name)) return `${when}, before hashes were kept: the next ${command} gives it one.`
    if (edited.includes(name))
      return `${when} with the hash ${short(hash ?? '')} and was edited since: here it has ${short(hashes.get(name) ?? '')}. Applied migrations are frozen; put the edit into a new one.`
    return `${when}, hash ${short(hash ?? '')}.`
  })
  lines.push(...pending.map((name) => `${name} is pending: ${command} applies it.`))
  return { lines, state: edited.length + unknown.length > 0 ? 'other' : pending.length > 0 ? 'pending' : 'current' }
}

/**
 * Reads only. The sets of the store count where they are there.
 * @param storePool the store's database, where that is another one
 */
export async function migrationStatus(
  pool: pg.Pool,
  set: MigrationSet = viewMigrations,
  storePool = pool,
): Promise<Status> {
  const found = [await ofSet(pool, set, 'attempt-api migrate up')]
  for (const [where, optional] of set === viewMigrations
    ? ([
        [pool, queueMigrations],
        [storePool, storeMigrations],
      ] as const)
    : []) {
    const {
      rows: [known],
    } = await where.query<{ there: boolean }>('select to_regclass($1) is not null as there', [optional.table])
    if (known?.there === true) found.push(await ofSet(where, optional, 'attempt-api store upgrade'))
  }
  const states = found.map(({ state }) => state)
  const lines = found.flatMap((one) => one.lines)
  if (set === viewMigrations) {
    if (await viewIsGone(pool)) {
      lines.push(gone)
      states.push('other')
    }
    for (const [name, state] of Object.entries(await indexStates(pool))) {
      lines.push(
        state === 'ready'
          ? `Index ${name} is there.`
          : state === 'missing'
            ? `Index ${name} is missing: migrate up builds it, unless it is declined.`
            : `Index ${name} is invalid: it is being built, or a build failed. migrate up waits for the one and repeats the other.`,
      )
      if (state === 'invalid') states.push('pending')
    }
  }
  return { lines, state: states.includes('other') ? 'other' : states.includes('pending') ? 'pending' : 'current' }
}
