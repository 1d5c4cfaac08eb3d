/**
 * The columns of `attempt` and its helper views, as the migrations create them. PostgreSQL replaces a view in place
 * only if its columns are the first columns of the new one. A test compares this list with a new database.
 */
import { contractColumns } from '../contract/attempt-v1.js'

export interface Column {
  name: string
  /** As `format_type` prints it. */
  type: string
}

const columns = (...texts: string[]): Column[] =>
  texts
    .flatMap((text) => text.split(','))
    .map((column) => {
      const [, name = '', type = ''] = /^\s*(\S+) (.+)$/.exec(column) ?? []
      return { name, type }
    })

const exam =
  'exam_result_id uuid, session_id text, user_id text, student_id uuid, completed_at timestamp with time zone'
const response =
  'id bigint, student_id uuid, item_id bigint, correct boolean, response_time_ms integer, hint_used boolean, ' +
  'completed_at timestamp with time zone, started_at timestamp with time zone'
const place = 'session_id text, topic_id text, exam_result_id uuid, position integer, answered boolean'

/** Each view before the views that it reads. */
export const viewColumns: Record<string, readonly Column[]> = {
  attempt_anomaly: columns(
    'exam_result_id uuid, session_id text, user_id text, position integer, question_id text',
    'field text, value text, reason text, outcome text',
  ),
  attempt: contractColumns,
  attempt_numbered: columns(response, 'attempt_no integer', place),
  attempt_response: columns(response, place),
  attempt_element: columns(
    exam,
    'position integer, question_id text, is_correct_text text, correct_text text, time_spent_sec text, used_hints text',
    'topic_id text, item_id bigint, correct boolean, seconds numeric, hints integer, fence integer',
  ),
  attempt_exam: columns(exam, 'questions jsonb'),
}

export const columnsText = (list: readonly Column[]): string =>
  list.map(({ name, type }) => `${name} ${type}`).join(', ')

/** Whether a view with these columns can be replaced in place. The view attempt must have exactly the right ones. */
export function fits(view: string, existing: readonly Column[]): boolean {
  const expected = viewColumns[view] ?? []
  return columnsText(existing) === columnsText(view === 'attempt' ? expected : expected.slice(0, existing.length))
}

/** How the columns of an existing view differ, as the predicate of a sentence. */
export function difference(view: string, existing: readonly Column[]): string {
  const expected = viewColumns[view] ?? []
  const missing = expected
    .filter((one) => !existing.some(({ name }) => name === one.name))
    .map(({ name }) => `lacks ${name}`)
  const additional = existing
    .filter(({ name }) => !expected.some((one) => one.name === name))
    .map(({ name }) => `has an additional column ${name}`)
  const retyped = existing.flatMap(({ name, type }) => {
    const one = expected.find((candidate) => candidate.name === name)
    return one === undefined || one.type === type ? [] : [`has ${name} as ${type} instead of ${one.type}`]
  })
  return [...missing, ...additional, ...retyped].join(', ') || 'has the same columns in another order'
}
