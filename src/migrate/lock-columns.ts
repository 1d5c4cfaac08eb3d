/**
 * The columns of the lock's views, as the migrations make them; each view before what it reads. PostgreSQL replaces a
 * view in place only where its columns are the first ones of the new. A test holds them against a new database.
 */
import { lockedColumns } from '../contract/attempt-v1.js'

export interface Column {
  name: string
  type: string
}

const columns = (text: string): Column[] =>
  text.split(',').map((column) => {
    const [, name = '', type = ''] = /^\s*(\S+) (.+)$/.exec(column) ?? []
    return { name, type }
  })

const exam =
  'exam_result_id uuid, session_id text, user_id text, student_id uuid, completed_at timestamp with time zone'
const response =
  'id bigint, student_id uuid, item_id bigint, correct boolean, response_time_ms integer, hint_used boolean, completed_at timestamp with time zone, started_at timestamp with time zone'
const place = 'session_id text, topic_id text, exam_result_id uuid, position integer, answered boolean'

export const lockColumns: Record<string, readonly Column[]> = {
  attempt_anomaly: columns(
    'exam_result_id uuid, session_id text, user_id text, position integer, question_id text, field text, value text, reason text, outcome text',
  ),
  attempt: lockedColumns,
  attempt_numbered: columns(`${response}, attempt_no integer, ${place}`),
  attempt_response: columns(`${response}, ${place}`),
  attempt_element: columns(
    `${exam}, position integer, question_id text, is_correct_text text, correct_text text, time_spent_sec text, used_hints text, topic_id text, item_id bigint, correct boolean, seconds numeric, hints integer, fence integer`,
  ),
  attempt_exam: columns(`${exam}, questions jsonb`),
}

export const columnsText = (list: readonly Column[]): string =>
  list.map(({ name, type }) => `${name} ${type}`).join(', ')

/** Whether a view with these columns can be replaced in place. The view attempt may have no others at all. */
export function fits(view: string, there: readonly Column[]): boolean {
  const locked = lockColumns[view] ?? []
  return columnsText(there) === columnsText(view === 'attempt' ? locked : locked.slice(0, there.length))
}

/** What the two lists of columns differ in, in words. */
export function difference(view: string, there: readonly Column[]): string {
  const locked = lockColumns[view] ?? []
  const missing = locked
    .filter((one) => !there.some(({ name }) => name === one.name))
    .map(({ name }) => `lacks ${name}`)
  const more = there
    .filter(({ name }) => !locked.some((one) => one.name === name))
    .map(({ name }) => `has ${name} besides`)
  const typed = there.flatMap(({ name, type }) => {
    const one = locked.find((candidate) => candidate.name === name)
    return one === undefined || one.type === type ? [] : [`has ${name} as ${type} and not ${one.type}`]
  })
  return [...missing, ...more, ...typed].join(', ') || 'has the same columns in another order'
}
