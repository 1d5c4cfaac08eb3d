/** What a contract is: everything that is guaranteed of one version of a view. Its rules are shown by golden cases. */
import type { GoldenCase } from './golden/types.js'

/** Types of columns, as `format_type` prints them. */
export type ColumnType = 'bigint' | 'integer' | 'uuid' | 'text' | 'boolean' | 'timestamp with time zone'

export interface ContractColumn {
  name: string
  type: ColumnType
  nullable: boolean
  /** For OpenAPI and ODCS. */
  description: string
}

/** Texts of the ODCS document that do not follow from the columns. */
export interface ContractTexts {
  /** Identifier of the document. */
  id: string
  purpose: string
  limitations: string
  usage: string
  /** What the view is. */
  view: string
  /** What one row is. */
  granularity: string
  tags: readonly string[]
}

/** What PostgreSQL prints of a view or, as `name(argument types)`, of a function, by name. */
export type PrintedDefinitions = Readonly<Record<string, string>>

/** Lists the applied migrations of the views, in the format of Kysely's migrator. */
export const ledgerTable = 'attempt_view_migration'

/** Its name up to version 1.0: the default of Kysely, which any application of Kysely uses. */
export const formerLedgerTable = 'kysely_migration'

export interface Contract {
  /** Name of the view. Another shape is another name, and another contract. */
  view: string
  /** Version of the contract, not of the service. */
  version: string
  /** The migration that creates the view, as `ledgerTable` lists it. */
  migration: string
  /** All columns in their order. */
  columns: readonly ContractColumn[]
  /** The columns that identify a row. */
  key: readonly string[]
  /** The column that holds `session_id` of the exam. It assigns a row to its golden case. */
  sessionColumn: string
  /** The view and the helper views that the service reads responses from. Its role needs SELECT on each. */
  readViews: readonly string[]
  golden: readonly GoldenCase[]
  /** What the migration installs, as each major version of PostgreSQL prints it. */
  installed?: Readonly<Record<string, PrintedDefinitions>>
  texts: ContractTexts
}
