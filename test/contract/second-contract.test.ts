/** A second contract beside `attempt`: a value is all that it takes, as it would be for `attempt_v2`. */
import t from 'tap'
import { parse } from 'yaml'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import type { Contract } from '../../src/contract/contract.js'
import { odcsDocument } from '../../src/contract/odcs.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'

/** One row per exam: how many questions it has, and when it was completed. */
const demo: Contract = {
  view: 'attempt_demo',
  version: '2.3.4',
  migration: '20990101_0900_attempt_demo',
  columns: [
    { name: 'exam', type: 'text', nullable: false, description: 'session_id of the exam.' },
    { name: 'questions', type: 'integer', nullable: false, description: 'Number of questions.' },
    { name: 'completed_at', type: 'timestamp with time zone', nullable: true, description: 'When it was completed.' },
  ],
  key: ['exam'],
  sessionColumn: 'exam',
  readViews: ['attempt_demo'],
  golden: [
    {
      property: 'questions',
      why: 'questions is the length of the list, or 0 without a list',
      exams: [
        {
          id: '90000000-0000-4000-8000-000000000001',
          session_id: 'two',
          user_id: 'demo',
          result_json: '{"questions": [{"question_id": 1}, {"question_id": 2}]}',
          created_at: '2026-01-01T00:00:00Z',
          updated_at: '2026-03-02T10:00:00Z',
        },
        {
          id: '90000000-0000-4000-8000-000000000002',
          session_id: 'none',
          user_id: null,
          result_json: '{"questions": "none"}',
          created_at: '2026-01-01T00:00:00Z',
          updated_at: '2026-03-02T10:00:00Z',
        },
      ],
      rows: [
        ['two', '2', '2026-03-02T10:00:00.000000Z'],
        ['none', '0', '2026-03-02T10:00:00.000000Z'],
      ],
    },
    {
      property: 'completed_at',
      why: 'completed_at is updated_at, else created_at',
      exams: [
        {
          id: '90000000-0000-4000-8000-000000000003',
          session_id: 'not updated',
          user_id: 'demo',
          result_json: '{"questions": []}',
          created_at: '2026-01-01T00:00:00.5+09:00',
          updated_at: null,
        },
        {
          id: '90000000-0000-4000-8000-000000000004',
          session_id: 'without a time',
          user_id: 'demo',
          result_json: '{}',
          created_at: null,
          updated_at: null,
        },
      ],
      rows: [
        ['not updated', '0', '2025-12-31T15:00:00.500000Z'],
        ['without a time', '0', null],
      ],
    },
  ],
  texts: {
    id: 'attempt-demo',
    purpose: 'One row per exam.',
    limitations: 'None.',
    usage: 'For the test.',
    view: 'The exams.',
    granularity: 'One row per exam.',
    tags: ['demo'],
  },
}

const helper = `create or replace view attempt_demo_exam as
  select session_id as exam, result_json -> 'questions' as list, coalesce(updated_at, created_at) as completed_at
  from exam_results`
const length = `case when jsonb_typeof(list) = 'array' then jsonb_array_length(list) else 0 end`
const view = (questions = length, rest = '') => `create or replace view attempt_demo as
  select exam, ${questions} as questions, completed_at from attempt_demo_exam ${rest}`

async function checked(db: TestDatabase, contract = demo) {
  const client = await db.pool.connect()
  try {
    const { checks, status, contract: version, migration } = await checkContract(client, contract)
    const failed = checks.filter((check) => check.status === 'fail' || check.status === 'error')
    return {
      status,
      version,
      migration,
      failed: failed.map(({ name }) => name),
      checks: checks.map(({ name }) => name),
    }
  } finally {
    client.release()
  }
}

t.test('the whole check compares a view with the contract that it is given', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(`${helper}; ${view()}`)
  t.strictSame(await checked(db), {
    status: 'pass',
    version: '2.3.4',
    migration: null,
    failed: [],
    checks: [
      'view',
      'kind',
      'columns',
      'source',
      'reads',
      'row_security',
      'whole_table',
      'repeatable',
      'limits',
      'source_schema',
      'creators',
      'source_columns',
      'golden:questions',
      'golden:completed_at',
      'migration',
    ],
  })
  await db.pool.query(`insert into attempt_view_migration values ('${demo.migration}', '2099-01-01T00:00:00Z')`)
  t.equal((await checked(db)).migration, demo.migration)
  const { status, version, migration } = await checked(db, attemptV1)
  t.strictSame([status, version, migration], ['pass', '1.0.0', attemptV1.migration], 'the first contract beside it')
})

t.test('fails where the view is missing or its definition gives another type or other rows', async (t) => {
  const db = await createDatabase(t)
  const fails = async (failed: string[], message: string) => {
    const report = await checked(db)
    t.strictSame([report.status, report.version, report.failed], ['fail', '2.3.4', failed], message)
  }
  await fails(['view'], 'a missing view')
  await db.pool.query(`${helper}; ${view(`(${length})::bigint`)}`)
  await fails(['columns'], 'another type with the same values')
  await db.pool.query('drop view attempt_demo')

  const definitions: [string, string[], string][] = [
    [view(`greatest(${length}, 1)`), ['golden:questions', 'golden:completed_at'], 'other values'],
    [view(length, 'where completed_at is not null'), ['golden:completed_at'], 'a missing row'],
    [view(length, `union all select 'another', 0, null`), ['golden:questions'], 'a row that belongs to no exam'],
    [view(length, 'limit 1000'), ['limits'], 'a limit that no golden case reaches'],
    [view(`extract(hour from completed_at)::int * 0 + ${length}`), ['golden:completed_at'], 'null in one row'],
    [
      view('jsonb_array_length(list)'),
      ['golden:questions', 'golden:completed_at'],
      'an error in one row, null in others',
    ],
    [
      view(`case current_setting('TimeZone') when 'UTC' then ${length} else 7 end`),
      ['repeatable', 'golden:questions', 'golden:completed_at'],
      'other values in another time zone',
    ],
  ]
  for (const [definition, failed, message] of definitions) {
    await db.pool.query(definition)
    await fails(failed, message)
  }
  t.equal((await checked(db, attemptV1)).status, 'pass', 'attempt is still right')
  await db.pool.query(view())
  t.equal((await checked(db)).status, 'pass', 'the right view again')
})

t.test('its ODCS document has its own name, version, columns, key and rules', async (t) => {
  const document: unknown = parse(odcsDocument(demo))
  t.match(document, {
    id: 'attempt-demo',
    name: 'attempt_demo',
    version: '2.3.4',
    tags: ['demo'],
    schema: [
      {
        physicalName: 'attempt_demo',
        properties: [
          { name: 'exam', physicalType: 'text', required: true, primaryKey: true, primaryKeyPosition: 1 },
          { name: 'questions', logicalType: 'integer', logicalTypeOptions: { format: 'i32' }, required: true },
          { name: 'completed_at', logicalType: 'timestamp', required: false },
        ],
        quality: [
          { query: /from attempt_demo group by exam having/ },
          { query: 'select count(*) from attempt_demo where exam is null or questions is null' },
        ],
      },
    ],
    customProperties: [{ property: 'migration', value: '20990101_0900_attempt_demo' }],
  })
  t.notMatch(odcsDocument(demo), /student_id|20251101/)
})
