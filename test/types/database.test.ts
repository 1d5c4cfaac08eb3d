/**
 * A column that a relation does not have is a compile error. The compiler checks this file with the other tests, and
 * reports an expected error that does not occur; beside each stands a line that is correct and compiles.
 */
import t from 'tap'
import { sql, type Insertable, type Selectable, type Updateable } from 'kysely'
import { contractColumns, type AttemptColumnName } from '../../src/contract/attempt-v1.js'
import { statement } from '../../src/database/statement.js'
import type { AttemptsQuery } from '../../src/queries/attempts.js'
import { columnsOf, db, type ColumnName, type Relations } from '../../src/relations.js'
import { onPath } from '../helpers/on-path.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = <T extends true>(): T | undefined => undefined

const attempt = columnsOf<'attempt_numbered'>()
const either = columnsOf<'attempt_exam' | 'attempt_materialized'>()

export const misspelt = [
  () => attempt('completed_at'),
  // @ts-expect-error a column that no relation has
  () => attempt('completd_at'),
  // @ts-expect-error a column of another relation
  () => attempt('user_id'),
  () => either('completed_at'),
  // @ts-expect-error only one of the two has it
  () => either('item_id'),

  () => db.selectFrom('attempt').select('response_time_ms'),
  // @ts-expect-error a column that the view does not have
  () => db.selectFrom('attempt').select('response_time'),
  // @ts-expect-error a relation that does not exist
  () => db.selectFrom('attempts').select('id'),
  // @ts-expect-error the view has no place in the array
  () => db.selectFrom('attempt').select('position'),
  () => db.selectFrom('attempt_numbered').select('position'),

  () => db.selectFrom('attempt_exam').where('session_id', '=', 'one'),
  // @ts-expect-error a column that the view does not have
  () => db.selectFrom('attempt_exam').where('session', '=', 'one'),
  // @ts-expect-error a text is not a boolean
  () => db.selectFrom('attempt').where('correct', '=', 'yes'),
  () => db.selectFrom('attempt').where('correct', '=', true),
  // @ts-expect-error a column is not a condition unless it is a boolean
  () => db.selectFrom('attempt_numbered').where(attempt('item_id')),
  () => db.selectFrom('attempt_numbered').where(attempt('answered')),
  () => db.selectFrom('attempt_exam').select('student_id').orderBy('completed_at'),
  // @ts-expect-error a column that the view does not have
  () => db.selectFrom('attempt_exam').select('student_id').orderBy('completed'),

  (): AttemptsQuery['columns'] => [{ name: 'topic_id', kind: 'text', description: '' }],
  // @ts-expect-error a column that the contract does not have
  (): AttemptsQuery['columns'] => [{ name: 'topic', kind: 'text', description: '' }],

  // @ts-expect-error statements here read
  () => db.insertInto('attempt_queue'),
  // @ts-expect-error the builder of writing statements is not there either
  () => db.updateTable('attempt_day'),
]

isTrue<Equal<keyof Relations['attempt'], AttemptColumnName>>()
isTrue<Equal<Selectable<Relations['attempt']>['topic_id'], string | null>>()
isTrue<Equal<Selectable<Relations['attempt']>['session_id'], string>>()
isTrue<Equal<Selectable<Relations['attempt']>['response_time_ms'], number>>()
isTrue<Equal<keyof Updateable<Relations['attempt']>, never>>()
isTrue<Equal<keyof Insertable<Relations['attempt']>, never>>()
// @ts-expect-error the columns are not any others
isTrue<Equal<keyof Relations['attempt'], AttemptColumnName | 'version'>>()

t.test('the columns of the contract are those of the view', async (t) => {
  const names: ColumnName<'attempt'>[] = contractColumns.map(({ name }) => name)
  t.equal(onPath(statement(db.selectFrom('attempt').select(names)).text), `select ${names.join(', ')} from attempt`)
  t.equal(
    statement(sql`select ${attempt('item_id')} where ${attempt('item_id')} = ${'1'}::bigint`).text,
    'select item_id where item_id = $1::bigint',
  )
})
