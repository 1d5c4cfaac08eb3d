/** Opaque cursors: versioned, and bound to the filters and the order that they came from. */
import { createHash } from 'node:crypto'
import { invalid, quoted } from '../errors.js'
import type { KeyForm } from '../queries/keyset.js'

const version = 1

/** Parameters that change neither the rows of a list nor their order. */
const notFilters = new Set(['limit', 'cursor', 'format', 'fields'])

/** A short fingerprint of a list and of everything that decides its rows and their order. */
export function fingerprint(list: string, filters: Record<string, unknown>): string {
  const entries = Object.entries(filters).filter(([name, value]) => value !== undefined && !notFilters.has(name))
  return createHash('sha256')
    .update(JSON.stringify([list, entries.sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('base64url')
    .slice(0, 16)
}

/** The cursor after a row with these key values. */
export const encodeCursor = (print: string, key: readonly (string | null)[]): string =>
  Buffer.from(JSON.stringify([version, print, ...key])).toString('base64url')

const refuse = (why: string) => {
  const message = `${why}. Use the next_cursor of an answer unchanged, or leave cursor out to start with the first page`
  return invalid('cursor', message, `\`cursor\` ${message}`, 'invalid_cursor')
}

/** For a cursor whose values have the right form, but that the database refuses. */
export const damagedCursor = () => refuse('is damaged')

/**
 * The key values of a cursor.
 * @param patterns the form of each value: a cursor comes from outside, and its values go into a statement
 * @throws ApiError invalid_cursor
 */
export function decodeCursor(print: string, cursor: string, patterns: readonly KeyForm[]): string[] {
  const damaged = `is damaged; got ${quoted(cursor)}`
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw refuse(damaged)
  }
  if (!Array.isArray(parsed) || parsed[0] !== version) throw refuse('has a version that this service does not know')
  if (parsed[1] !== print)
    throw refuse('belongs to other filters or another order; repeat the request that returned it')
  const key: unknown[] = parsed.slice(2)
  if (key.length !== patterns.length) throw refuse(damaged)
  return key.map((value, index) => {
    if (typeof value !== 'string' || patterns[index]?.test(value) !== true) throw refuse(damaged)
    return value
  })
}
