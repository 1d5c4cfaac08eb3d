/**
 * Whether queue and store have the schema that this release needs. The check looks in the catalog for a column that the
 * newest migration of each added. It does not read the table of migrations, because a read-only role may not; a standby
 * has the catalog as well.
 */
import { ownSchema } from '../database/statement.js'

const hasColumn = (table: string, column: string, schema = '') =>
  `exists (
    select from pg_attribute
    where attrelid = to_regclass('${schema}${table}') and attname = '${column}' and not attisdropped
  )`

/** SQL expressions. Update the column when the code depends on a newer migration. */
export const storeIsCurrent = hasColumn('attempt_store', 'set_aside')
/** The same for a statement of relations.ts. */
export const locatedStoreIsCurrent = hasColumn('attempt_store', 'set_aside', `"${ownSchema}".`)
export const queueIsCurrent = hasColumn('attempt_queue', 'problem')

/** A migration is pending. Retrying does not help before an operator runs it. */
export class StoreSchemaOutdated extends Error {
  constructor(relation: 'queue' | 'store') {
    super(
      `The schema of the ${relation} is from an older release. Run attempt-api store upgrade; ` +
        'until then, requests read the view.',
    )
  }
}
