import { Type } from 'typebox'
import type { AttemptColumnName } from '../contract/attempt-v1.js'
import type { Column } from '../formats/encoder.js'
import { attemptColumns } from './attempts.js'
import { closed, oneOf, parameters as p } from './parameters.js'
import { asOf, pageOrStream, rowSchema } from './responses.js'

const key: readonly string[] = ['student_id', 'item_id', 'attempt_no']

const op = 'upsert: this is the attempt with this key now. delete: no attempt has this key now; other columns are null.'

export const changeColumns: readonly Column<'op' | 'version' | AttemptColumnName>[] = [
  { name: 'op', kind: 'text', description: op },
  { name: 'version', kind: 'int64', description: 'The version of the store that changed the attempt last.' },
  ...attemptColumns.map((column) => ({
    ...column,
    nullable: column.nullable === true || !key.includes(column.name),
  })),
]

export const changesQuerystring = closed({
  since: Type.Optional(
    Type.String({
      title: 'the next_token of the previous answer, unchanged',
      minLength: 1,
      maxLength: 1000,
      description: 'The next_token of the previous answer, unchanged. Leave it out to get the first token.',
    }),
  ),
  limit: Type.Optional(p.limit),
  format: Type.Optional(p.format),
})

const changeSchema = rowSchema(
  'Change',
  changeColumns,
  'One attempt that was added, changed or deleted, by its key (student_id, item_id, attempt_no).',
  { own: { op: Type.Unsafe({ ...oneOf(['upsert', 'delete'], { description: op }), type: 'string' }) } },
)

const changePage = Type.Object(
  {
    data: Type.Array(changeSchema),
    next_token: Type.String({
      description: '`since` of the next request; every answer has it, also one without changes',
      examples: ['WzEsIjNmM2I4Y2M1LTdkYjQtNGY2OS05YmM4LWIyM2U0YTQ2ZDU1NyIsIjQyIl0'],
    }),
    has_more: Type.Boolean({ description: 'Whether more changes can be read now', examples: [false] }),
    as_of: asOf('When has_more is false, the follower has every change that was committed before this moment'),
    how: Type.Optional(
      Type.String({
        description: 'What to do next; only in the answer to a request without since',
        examples: ['Export everything now, then follow.'],
      }),
    ),
  },
  { $id: 'ChangePage', additionalProperties: false },
)

export const changesResponse = {
  ...pageOrStream(changePage),
  headers: {
    'Attempt-Next-Token': { type: 'string', description: '`since` of the next request' },
    'Attempt-Set-Aside': {
      type: 'string',
      description: 'Number of exams that the store could not take; missing if there is none',
    },
    'Attempt-Version': { type: 'string', description: 'Version of the store that was read' },
  },
}
