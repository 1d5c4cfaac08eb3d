/**
 * The contract of the view `attempt`, version 1 (docs/attempt-v1.md). Its columns are the single source for response
 * schemas, OpenAPI, the ODCS document, the row type and the check. An `attempt_v2` is a second value beside it.
 */
import type { Contract, ContractColumn } from './contract.js'
import { goldenCases } from './golden/index.js'
import { installedDefinitions } from './installed/index.js'

/** Version of the contract, not of the service. */
export const contractVersion = '1.0.0'

/** The eleven columns. Their names, types and order never change. */
export const contractColumns = [
  {
    name: 'id',
    type: 'bigint',
    nullable: false,
    description:
      'First 16 hex digits of md5(exam result id, hyphen, question id text) as a signed 64-bit integer. Not a key.',
  },
  {
    name: 'student_id',
    type: 'uuid',
    nullable: false,
    description: 'user_id as a UUID if it is one, else the md5 of its UTF-8 bytes as a UUID.',
  },
  { name: 'item_id', type: 'bigint', nullable: false, description: 'question_id as a signed 64-bit integer.' },
  { name: 'correct', type: 'boolean', nullable: false, description: 'is_correct, else correct, else false.' },
  {
    name: 'response_time_ms',
    type: 'integer',
    nullable: false,
    description: 'Milliseconds, rounded half away from zero; 0 if no time was recorded.',
  },
  { name: 'hint_used', type: 'boolean', nullable: false, description: 'Whether used_hints is above zero.' },
  {
    name: 'completed_at',
    type: 'timestamp with time zone',
    nullable: false,
    description: 'coalesce(updated_at, created_at) of the exam.',
  },
  {
    name: 'started_at',
    type: 'timestamp with time zone',
    nullable: false,
    description: 'completed_at minus the time spent, rounded to whole seconds.',
  },
  {
    name: 'attempt_no',
    type: 'integer',
    nullable: false,
    description: '1, 2, 3 ... within (student_id, item_id), by completed_at, exam result id, place in the array.',
  },
  { name: 'session_id', type: 'text', nullable: false, description: 'session_id of the exam.' },
  {
    name: 'topic_id',
    type: 'text',
    nullable: true,
    description: 'Topic of the question; null if empty or missing.',
  },
] as const satisfies readonly ContractColumn[]

/** One entry of `contractColumns`. */
export type AttemptColumn = (typeof contractColumns)[number]

/** Name of a column of the contract. */
export type AttemptColumnName = AttemptColumn['name']

export const attemptV1: Contract = {
  view: 'attempt',
  version: contractVersion,
  migration: '20251101_0900_attempt_view_lock',
  columns: contractColumns,
  key: ['student_id', 'item_id', 'attempt_no'],
  sessionColumn: 'session_id',
  readViews: ['attempt', 'attempt_anomaly', 'attempt_exam', 'attempt_response', 'attempt_numbered'],
  get golden() {
    return goldenCases()
  },
  installed: installedDefinitions,
  texts: {
    id: 'attempt-v1',
    purpose: 'One row per answered exam question, for IRT calibration and KPI pipelines.',
    limitations:
      'id is not a key and needs 64 bits. ' +
      'A late edit of an exam moves its attempts to another day and renumbers other attempts of the student.',
    usage:
      'Names, order, types, the student hash, attempt numbering and NULL rules never change under this name; ' +
      'another shape is attempt_v2.',
    view: 'The answered questions of exam_results, numbered by student and item.',
    granularity: 'One row per question answered in an exam.',
    tags: ['assessment', 'irt', 'kpi'],
  },
}
