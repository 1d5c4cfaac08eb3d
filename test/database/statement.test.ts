/** Statements as they are compiled: with parameters for a prepared statement, with literals for COPY. */
import t from 'tap'
import { sql } from 'kysely'
import { copyText, statement } from '../../src/database/statement.js'
import { db } from '../../src/relations.js'
import { createDatabase } from '../helpers/database.js'

const texts = [
  "it's",
  'back\\slash',
  '"quoted"',
  '{a,b}',
  '$1::text',
  'null',
  '',
  ' ',
  "e\\'; drop table x; --",
  '日本\n\t',
]

t.test('literals are the values, for either setting of the quotes', async (t) => {
  const test = await createDatabase(t, { bare: true })
  const client = await test.pool.connect()
  t.teardown(() => {
    client.release()
  })
  for (const setting of ['on', 'off']) {
    await client.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`)
    const query = statement(
      sql`select ${texts}::text[] as list, ${texts[1]}::text as one, ${null}::bigint as nothing, ${12}::bigint as n`,
    )
    const literals = copyText(query)
      .replace(/^copy \(/, '')
      .replace(/\) to stdout.*$/, '')
    t.notMatch(literals.replaceAll("'$1::text'", '').replaceAll('"$1::text"', ''), /\$\d/)
    const expected = { list: texts, one: texts[1], nothing: null, n: '12' }
    t.strictSame((await client.query(literals)).rows, [expected], `literals, ${setting}`)
    t.strictSame((await client.query(query.text, [...query.values])).rows, [expected], `parameters, ${setting}`)
  }
})

t.test('a name belongs to one text', async (t) => {
  const of = (session: string, column: 'student_id' | 'user_id') =>
    statement(
      db
        .selectFrom('attempt_exam')
        .select(column)
        .where('session_id', '=', sql<string>`${session}::text`),
    )
  t.equal(of('one', 'student_id').name, of('two', 'student_id').name)
  t.not(of('one', 'student_id').name, of('one', 'user_id').name)
  t.match(of('one', 'student_id').name, /^attempt_[0-9a-f]{16}$/)
  t.equal(of('one', 'user_id').text, 'select user_id from "@extschema@".attempt_exam where session_id = $1::text')
})

t.test('an identifier that is not ours is quoted', async (t) => {
  t.equal(statement(sql`select ${sql.id('a"; drop table x; --')}`).text, 'select "a""; drop table x; --"')
})
