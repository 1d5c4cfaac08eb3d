/** The version of an etag scope, for conditional requests: it grows when a row of the scope changes. */
import { sql, type RawBuilder } from 'kysely'
import type { Reader } from '../database/reader.js'
import { compiled } from '../database/statement.js'
import { columnsOf, relation } from '../relations.js'
import { epochOf } from '../store/epochs.js'
import { readReadyStore, type ReadyStore } from '../store/state.js'
import { instantsOfDays } from './aggregates.js'
import { and, attemptConditions, dayIn, inDays, type Condition, type Days, type Range } from './filters.js'

/** The rows on which an answer depends: a range of time or days in a zone, of all students or of one. */
export type EtagScope = { student?: string } & ({ range: Range } | { days: Days })

/** The version of a scope in one snapshot of the store. Equal versions have equal rows. */
export interface EtagVersion {
  version: string
  epoch: string | null
  count: string
}

const covered = sql.ref<string>('covered.version')
const coveredColumns = compiled(sql.join([covered, sql.ref('covered.count'), epochOf(covered)]))

const attempt = columnsOf<'attempt_materialized'>()
const day = columnsOf<'attempt_day'>()

function attemptsOf(student: string, range: Range, days: Days | undefined): Condition[] {
  const dayOf = (zone: string) => dayIn(zone, attempt('completed_at'))
  return [...attemptConditions({ student, ...range }), ...(days === undefined ? [] : inDays(days, dayOf(days.zone)))]
}

/** Conditions: UTC days that overlap the range or the days. */
function daysOf({ since, until }: Range, days: Days | undefined): Condition[] {
  const utcDay = (instant: RawBuilder<unknown>) => sql`(${instant})::date`
  const conditions: Condition[] = []
  if (since !== undefined)
    conditions.push(sql`${day('date')} >= ${utcDay(sql`${since}::timestamptz at time zone 'UTC'`)}`)
  if (until !== undefined)
    conditions.push(
      sql`${day('date')} <
  ${utcDay(sql`${until}::timestamptz at time zone 'UTC' + interval '1 day' - interval '1 microsecond'`)}`,
    )
  if (days !== undefined) {
    // the last and first instant of a UTC day, with a margin: since 2000 no zone set its clocks back by more than 3
    // hours
    const last = sql`(${day('date')} + interval '27 hours') at time zone 'UTC'`
    const first = sql`(${day('date')} - interval '3 hours') at time zone 'UTC'`
    const overlap = and(inDays(days, dayIn(days.zone, last), dayIn(days.zone, first)))
    conditions.push(sql`(${day('date')} < '2000-01-01' or ${overlap})`)
  }
  return conditions
}

/**
 * Reads the newest version in the scope. For all students it is the newest version of the scope's UTC days, which a
 * deletion raises as well. For one student it is the newest version of the rows, together with their count: every
 * insertion or update raises the version, and a deletion lowers the count. The epoch distinguishes two versions with
 * the same number.
 * @throws StoreNotReady
 */
export async function readEtagVersion(
  reader: Reader,
  scope: EtagScope,
): Promise<{ state: ReadyStore; covered: EtagVersion }> {
  const range = 'range' in scope ? scope.range : instantsOfDays(scope.days)
  const zoned = 'days' in scope && scope.days.zone !== 'UTC' ? scope.days : undefined
  const [rows, conditions] =
    scope.student === undefined
      ? [relation('attempt_day'), daysOf(range, zoned)]
      : [relation('attempt_materialized'), attemptsOf(scope.student, range, zoned)]
  const {
    state,
    more: [version, count, epoch],
  } = await readReadyStore(reader, {
    columns: coveredColumns,
    from: sql`(
  select coalesce(max(${day('version')}), 0) as version, count(*) as count
  from ${rows}
  where ${and(conditions)}
) as covered`,
  })
  return { state, covered: { version: version ?? '0', count: count ?? '0', epoch: epoch ?? null } }
}
