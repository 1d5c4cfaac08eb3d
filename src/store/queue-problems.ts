/**
 * Statements on exam_results that the triggers could not record. They leave a row with the reason, which commits with
 * the writer's exams. The store may lack these exams, so it is filled again.
 */
import type pg from 'pg'

type Queryable = Pick<pg.ClientBase, 'query'>

export interface QueueProblems {
  statements: number
  /** When the first of them ran; RFC 3339. */
  since: string
  /** The different reasons: an SQLSTATE, and PostgreSQL's message where it cannot contain values of exams. */
  reasons: string[]
}

/** Whether there are any in the snapshot of the session. */
export async function hasProblems(primary: Queryable): Promise<boolean> {
  const { rows } = await primary.query<{ found: boolean }>(
    `select exists (select from attempt_queue_gap)
  or exists (select from attempt_queue where problem is not null) as found`,
  )
  return rows[0]?.found === true
}

/** @param from a select of the columns `at` and `problem` */
async function summarize(primary: Queryable, from: string): Promise<QueueProblems | undefined> {
  const {
    rows: [row],
  } = await primary.query<QueueProblems>(
    `with ${from}
select
  count(*)::integer as statements,
  to_char(min(at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since,
  (array_agg(distinct coalesce(problem, 'unknown')))[:5] as reasons
from problem`,
  )
  return row === undefined || row.statements === 0 ? undefined : row
}

/** Reads them. */
export const readProblems = (primary: Queryable): Promise<QueueProblems | undefined> =>
  summarize(
    primary,
    `problem as (
  select at, problem from attempt_queue_gap
  union all
  select enqueued_at, problem from attempt_queue where problem is not null
)`,
  )

/**
 * Removes them. Only for a store that is already marked for a rebuild: the fill that follows reads the exams from the
 * view.
 */
export const removeProblems = (primary: Queryable): Promise<QueueProblems | undefined> =>
  summarize(
    primary,
    `gap as (
  delete from attempt_queue_gap returning at, problem
), queued as (
  delete from attempt_queue where problem is not null returning enqueued_at as at, problem
), problem as (
  select at, problem from gap
  union all
  select at, problem from queued
)`,
  )

/** What happened, in a sentence. */
export const describeProblems = ({ statements, since, reasons }: QueueProblems): string =>
  `${statements === 1 ? '1 statement' : `${statements} statements`} on exam_results since ${since} could not be ` +
  `recorded in the queue (${reasons.join('; ')}).`
