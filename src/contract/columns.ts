/**
 * The eleven locked columns: the single source for response schemas, OpenAPI, the ODCS document, the row type and the
 * catalog check. Types are written as `format_type` prints them.
 */

/** Version of the contract, not of the service. */
export const contractVersion = '1.0.0'

/** The migration that made the lock, as `kysely_migration` lists it. */
export const migrationName = '20251101_0900_attempt_view_lock'

export const lockedColumns = [
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
    description: 'user_id cast where it is a UUID, else the md5 of its UTF-8 bytes as a UUID.',
  },
  { name: 'item_id', type: 'bigint', nullable: false, description: 'question_id as a signed 64-bit integer.' },
  { name: 'correct', type: 'boolean', nullable: false, description: 'is_correct, else correct, else false.' },
  {
    name: 'response_time_ms',
    type: 'integer',
    nullable: false,
    description: 'Milliseconds, rounded half away from zero; 0 where no time was recorded.',
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
    description: 'Topic of the question; null where empty or missing.',
  },
] as const

/** One entry of `lockedColumns`. */
export type LockedColumn = (typeof lockedColumns)[number]

/** Name of a locked column. */
export type LockedColumnName = LockedColumn['name']
