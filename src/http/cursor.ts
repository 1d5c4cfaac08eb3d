/** Opaque cursors: versioned, bound to the filters and order they came from. */
import { createHash } from 'node:crypto'
import { ApiError } from '../errors.js'
import type { KeyForm } from '../queries/keyset.js'

const version = 1

/** A short fingerprint of a list and everything that decides its rows and order, `limit` and `cursor` aside. */
export function fingerprint(list: string, filters: Record<string, unknown>): string {
  const entries = Object.entries(filters).filter(
    ([name, value]) =>
      value !== undefined && name !== 'limit' && name !== 'cursor' && name !== 'format' && name !== 'fields',
  )
  return createHash('sha256')
    .update(JSON.stringify([list, entries.sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('base64url')
    .slice(0, 16)
}

/** The cursor after a row with these key values. */
export const encodeCursor = (print: string, key: readonly (string | null)[]): string =>
  Buffer.from(JSON.stringify([version, print, ...key])).toString('base64url')

/**
 * The key values of a cursor.
 * @param patterns what each value must look like: a cursor comes from outside and its values go into a statement
 * @throws ApiError invalid_cursor
 */
export function decodeCursor(print: string, cursor: string, patterns: readonly KeyForm[]): string[] {
  const refuse = (why: string) =>
    new ApiError('invalid_cursor', `cursor: ${why}`, [{ parameter: 'cursor', message: why }])
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw refuse('cannot be read; take next_cursor from an answer as it is, or leave it out to start again')
  }
  if (!Array.isArray(parsed) || parsed[0] !== version)
    throw refuse('is of no version that this service knows; leave it out to start again')
  if (parsed[1] !== print)
    throw refuse(
      'belongs to other filters or another order; repeat the request that gave it, or leave it out to start again',
    )
  const key: unknown[] = parsed.slice(2)
  if (
    key.length !== patterns.length ||
    !key.every((value, index) => typeof value === 'string' && patterns[index]?.test(value) === true)
  ) {
    throw refuse('is damaged; leave it out to start again')
  }
  return key as string[]
}
