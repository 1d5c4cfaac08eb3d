/** The printed definition of each view, without the semicolon. */
export type Chain = Record<string, string>

export interface Candidate {
  name: string
  /** Statements that change the deployed view. */
  statements: string[]
}

/** The columns of `attempt`. */
export const columns = [
  ...['id', 'student_id', 'item_id', 'correct', 'response_time_ms', 'hint_used', 'completed_at', 'started_at'],
  ...['attempt_no', 'session_id', 'topic_id'],
]

/** `attempt` with one column replaced. */
export const withColumn = (column: string, expression: string): string =>
  `create or replace view attempt as select ${columns
    .map((name) => (name === column ? `${expression} as ${name}` : name))
    .join(', ')} from attempt_numbered`

/** `attempt` without some rows. */
export const without = (condition: string): string =>
  `create or replace view attempt as select ${columns.join(', ')} from attempt_numbered where (${condition}) is not true`
