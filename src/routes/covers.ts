/** Conditional pulls: the tag of an answer is the last version that changed a row of the days that it covers. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Reader } from '../database/reader.js'
import { instantsOfDays } from '../queries/aggregates.js'
import { all, statement, Values } from '../queries/sql.js'
import type { Range } from '../queries/students-of-range.js'

/** What an answer depends on: rows of a range of time, of days in a zone, or of one student. */
export type Covers = { range: Range } | { days: Range & { zone: string } } | { student: string }

/** The newest version among what is covered; rows that went count as well. */
export async function coveredVersion(reader: Reader, covers: Covers): Promise<string> {
  const values = new Values()
  if ('student' in covers) {
    const student = values.add(covers.student, 'uuid')
    const [row] = await reader.rows(statement(`select greatest((select max(version) from attempt_materialized where student_id = ${student}), (select max(version) from attempt_deleted where student_id = ${student}), 0)`, values))
    return row?.[0] ?? '0'
  }
  // an instant's UTC day; the day of a zone lies within the UTC days of its instants
  const range = 'range' in covers ? covers.range : instantsOfDays(covers.days)
  const conditions: string[] = []
  if (range.since !== undefined) conditions.push(`date >= (${values.add(range.since, 'timestamptz')} at time zone 'UTC')::date`)
  if (range.until !== undefined) conditions.push(`date < (${values.add(range.until, 'timestamptz')} at time zone 'UTC' + interval '1 day' - interval '1 microsecond')::date`)
  const [row] = await reader.rows(statement(`select coalesce(max(version), 0) from attempt_day where ${all(conditions)}`, values))
  return row?.[0] ?? '0'
}

/** Sets the tag. @returns whether the client has this answer already: it is to be told 304 */
export function unchanged(request: FastifyRequest, reply: FastifyReply, version: string, what: unknown): boolean {
  // weak: as_of and the spelling of a representation may differ
  const tag = `W/"${version}-${createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 12)}"`
  reply.header('etag', tag)
  const known = request.headers['if-none-match']
  return known !== undefined && known.split(',').some((one) => one.trim() === tag || one.trim() === '*')
}
