import { lockedColumns, type LockedColumnName } from '../contract/attempt-v1.js'
import type { Column, Kind } from '../formats/encoder.js'
import { rowSchema } from './responses.js'

const kinds: Record<string, Kind> = {
  bigint: 'int64',
  uuid: 'uuid',
  boolean: 'boolean',
  integer: 'integer',
  'timestamp with time zone': 'timestamp',
  text: 'text',
}

/** The eleven columns of the lock as columns of an answer. */
export const attemptColumns: readonly Column<LockedColumnName>[] = lockedColumns.map(
  ({ name, type, nullable, description }) => ({
    name,
    kind: kinds[type] as Kind,
    nullable,
    description,
  }),
)

const whole = rowSchema(
  'Attempt',
  attemptColumns,
  'One answered question. Its key is (student_id, item_id, attempt_no). With `fields`, only those columns are there.',
)

/** `fields` may leave columns out, so that none is required here. */
export const attemptSchema = { ...whole, required: [] } as typeof whole
