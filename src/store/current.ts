/**
 * Whether queue and store have what this version works on. Asked of the catalog, by what the newest migration of each
 * brought: a role that only reads may not read which migrations are recorded, and a standby has the catalog as well.
 */
const has = (table: string, column: string) =>
  `exists (select from pg_attribute where attrelid = to_regclass('${table}') and attname = '${column}' and not attisdropped)`

/** Expressions of SQL. A migration that the code cannot do without is named here. */
export const storeIsCurrent = has('attempt_day', 'stale')
export const queueIsCurrent = has('attempt_queue', 'exam_result_id')

/** A migration is pending, which no trying again brings. */
export class StoreSchemaOutdated extends Error {
  constructor(what: 'queue' | 'store') {
    super(
      `The ${what} is of an older version, so that answers come through the view: attempt-api store upgrade brings it up to date`,
    )
  }
}
