/** The key that orders a list: a page begins behind the key of the last row of the page before. */
import { sql, type RawBuilder, type SqlBool } from 'kysely'

/** What a value of a cursor's key must look like: a pattern, or more than a pattern can express. */
export type KeyForm = Pick<RegExp, 'test'>

/** One column of a key: never null, and in the same order on every server. */
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

/** Rows behind the one with these values; in a descending list: before it. */
export const isBehind = (
  key: readonly KeyColumn[],
  values: readonly string[],
  descending = false,
): RawBuilder<SqlBool> => {
  const last = key.map(({ type }, index) => sql`${values[index]}::${sql.raw(type)}`)
  return sql<SqlBool>`(${keyList(key)}) ${sql.raw(descending ? '<' : '>')} (${sql.join(last)})`
}
