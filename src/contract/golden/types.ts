/** What a golden case is: known exams, and the rows that the contract makes of them. */

/** An exam as exam_results holds it. The check fills columns that are left out with values that vary between exams. */
export interface GoldenExam {
  id: string
  session_id: string
  user_id: string | null
  exam_id?: number | null
  org_id?: number | null
  status?: string
  /** JSON text, so that 1.0 stays 1.0. */
  result_json: string
  created_at: string | null
  updated_at: string | null
}

/** A row of the view as text, in the order of the contract's columns. Times are UTC with six decimal places. */
export type GoldenRow = readonly (string | null)[]

export interface GoldenCase {
  /** Name of the check in the report, after `golden:`. */
  property: string
  /** The rule that these rows show, for the report. */
  why: string
  exams: readonly GoldenExam[]
  rows: readonly GoldenRow[]
  /** Left out of the second run, which repeats the cases under other session settings: for cases with many rows. */
  runsOnce?: true
}
