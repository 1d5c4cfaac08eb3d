import { Type, type TSchema } from 'typebox'
import type { LockedColumnName } from '../contract/attempt-v1.js'
import type { Column } from '../formats/encoder.js'
import { attemptColumns } from './attempts.js'
import { rowSchema } from './responses.js'

export const changeKey = ['student_id', 'item_id', 'attempt_no'] as const

export const changeColumns: readonly Column<'op' | 'version' | LockedColumnName>[] = [
  {
    name: 'op',
    kind: 'text',
    description:
      'upsert: the attempt with this key is now as it stands here. delete: there is no attempt with this key any more; the other columns are null.',
  },
  { name: 'version', kind: 'int64', description: 'The version of the store that changed it last.' },
  ...attemptColumns.map((column) => ({
    ...column,
    nullable: column.nullable === true || !(changeKey as readonly string[]).includes(column.name),
  })),
]

const whole = rowSchema(
  'Change',
  changeColumns,
  'One attempt that came, changed or went, by its key (student_id, item_id, attempt_no).',
)
const op = {
  ...(whole as unknown as { properties: Record<string, object> }).properties['op'],
  enum: ['upsert', 'delete'],
  examples: ['upsert'],
}
const changeSchema = {
  ...whole,
  properties: { ...(whole as unknown as { properties: object }).properties, op },
} as unknown as TSchema

export const changePage = Type.Object(
  {
    data: Type.Array(changeSchema),
    next_token: Type.String({
      description: 'since of the next request, always: also where nothing was new',
      examples: ['WzEsIjNmM2I4Y2M1LTdkYjQtNGY2OS05YmM4LWIyM2U0YTQ2ZDU1NyIsIjQyIl0'],
    }),
    has_more: Type.Boolean({ description: 'whether there is more already', examples: [false] }),
    as_of: {
      type: 'string',
      format: 'date-time',
      description: 'what was committed before this moment has been told when has_more is false',
      examples: ['2025-01-01T09:30:00.123456Z'],
    } as unknown as TSchema,
    how: Type.Optional(
      Type.String({
        description: 'without since: what to do next',
        examples: ['Take a whole export now, then follow.'],
      }),
    ),
  },
  { $id: 'ChangePage', additionalProperties: false },
)
