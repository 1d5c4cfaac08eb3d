/** Keyset pagination: a page starts after the key of the last row of the previous page. */
import { sql, type RawBuilder, type SqlBool } from 'kysely'

/** Checks the text of a value of a cursor's key: a pattern, or a function where a pattern is not enough. */
export type KeyForm = Pick<RegExp, 'test'>

/** One column of a key. It is never null and sorts in the same order on every server. */
export interface KeyColumn {
  sql: RawBuilder<unknown>
  type: 'bigint' | 'boolean' | 'date' | 'integer' | 'text' | 'timestamptz' | 'uuid'
  form: KeyForm
}

export const uuidForm = /^[0-9a-f-]{36}$/
export const integerForm = /^\d{1,9}$/
export const bigintForm = /^-?\d{1,19}$/

/** The columns of a key, separated by commas. */
export const keyList = (key: readonly KeyColumn[]): RawBuilder<unknown> => sql.join(key.map((column) => column.sql))

/** Condition: rows that follow these values in the order of the list. */
export const isAfter = (
  key: readonly KeyColumn[],
  values: readonly string[],
  descending = false,
): RawBuilder<SqlBool> => {
  const last = key.map(({ type }, index) => sql`${values[index]}::${sql.raw(type)}`)
  return sql<SqlBool>`(${keyList(key)}) ${sql.raw(descending ? '<' : '>')} (${sql.join(last)})`
}
