/**
 * Whether the tables of queue and store have what this release works with. Read from the catalog, by a column that the
 * newest migration of each added: a role that only reads may not see which migrations are recorded, and a standby has
 * the catalog as well.
 */
const hasColumn = (table: string, column: string) =>
  `exists (
    select from pg_attribute
    where attrelid = to_regclass('${table}') and attname = '${column}' and not attisdropped
  )`

/** SQL expressions. A migration that the code depends on is named here. */
export const storeIsCurrent = hasColumn('attempt_day', 'stale')
export const queueIsCurrent = hasColumn('attempt_queue', 'exam_result_id')

/** A migration is pending; retrying does not help. */
export class StoreSchemaOutdated extends Error {
  constructor(relation: 'queue' | 'store') {
    super(
      `The schema of the ${relation} is from an older release. Run attempt-api store upgrade; ` +
        'until then, requests read the view.',
    )
  }
}
