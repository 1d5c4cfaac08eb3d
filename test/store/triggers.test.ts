/** Triggers on exam_results: what they put into the queue, and what happens where they were changed. */
import t from 'tap'
import pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { disableStore, enableStore } from '../../src/store/enable.js'
import { createRefresher } from '../../src/store/refresher.js'
import { describeFaults, triggerFaults } from '../../src/store/triggers.js'
import { createDatabase } from '../helpers/database.js'
import { ownServer } from '../helpers/server.js'
import { catchUp, differentRows, noDifferentRows, shortIntervals, silentLog } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

const exam = (session: string, user: string, at = '2026-03-05Z') =>
  `insert into exam_results (session_id, user_id, result_json, created_at, updated_at)
  values ('${session}', '${user}', '{"questions": [{"question_id": 1}]}', '${at}', '${at}')`

/** Takes the users from the queue. */
async function queued(pool: pg.Pool): Promise<(string | null)[]> {
  return (
    await pool.query<{ user_id: string | null }>(
      'with taken as (delete from attempt_queue returning user_id) select user_id from taken order by user_id',
    )
  ).rows.map(({ user_id }) => user_id)
}

t.test('every statement enqueues each exam that it changed once, with its former and its present user', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const enqueues = async (what: string, sql: string, users: (string | null)[]) => {
    await db.pool.query(sql)
    t.strictSame(await queued(db.pool), users, what)
  }
  await enqueues('an insertion', exam('a', 'u1'), ['u1'])
  await enqueues(
    'many rows',
    `insert into exam_results (session_id, user_id, result_json)
    select 'm' || n, 'u' || n % 3, '{}' from generate_series(1, 9) as n`,
    ['u0', 'u0', 'u0', 'u1', 'u1', 'u1', 'u2', 'u2', 'u2'],
  )
  await enqueues('no user', `insert into exam_results (session_id, result_json) values ('n', '{}')`, [])
  await enqueues('a move', `update exam_results set user_id = 'u9' where session_id = 'a'`, ['u1', 'u9'])
  await enqueues('to no user', `update exam_results set user_id = null where session_id = 'a'`, ['u9'])
  await enqueues('from no user', `update exam_results set user_id = 'u8' where session_id = 'a'`, ['u8'])
  await enqueues('an edit', `update exam_results set status = 'x' where user_id = 'u8'`, ['u8'])
  await enqueues('nothing', `update exam_results set status = 'x' where false`, [])
  await enqueues(
    'an upsert',
    `${exam('a', 'u7')}, ('b', 'u6', '{}', now(), now())
    on conflict (session_id) do update set user_id = excluded.user_id`,
    ['u6', 'u7', 'u8'],
  )
  await enqueues('a deletion', `delete from exam_results where session_id in ('a', 'm1', 'm4')`, ['u1', 'u1', 'u7'])
  await enqueues('rolled back', `begin; ${exam('r', 'u1')}; rollback`, [])
  await enqueues(
    'in a session of a restore',
    `set session_replication_role = replica; ${exam('c', 'u5')}; reset session_replication_role`,
    ['u5', 'u5'],
  )
  await enqueues('an emptied table', 'truncate exam_results', [null])
})

t.test('objects on the search_path of a writer do not affect the triggers', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const role = `sly_${db.name}`
  await db.pool.query(
    `create role ${role};
    grant insert, update, delete, select on exam_results to ${role};
    create schema sly authorization ${role}`,
  )
  const writer = new pg.Client({ connectionString: db.url })
  await writer.connect()
  await writer.query(`set role ${role}; set search_path = pg_temp, sly, public, pg_catalog;
    create temp table attempt_queue (user_id text, enqueued_at timestamptz);
    create temp table attempt_new (user_id text);
    create temp table attempt_old (user_id text);
    insert into attempt_new values ('wrong');
    create function sly.now() returns timestamptz language sql as $$ select 'yesterday'::timestamptz $$;
    create function sly.ne(text, text) returns boolean language plpgsql
      as $$ begin raise 'executed as %', current_user; end $$;
    create operator sly.= (function = sly.ne, leftarg = text, rightarg = text);
    create domain sly.text as int`)
  await writer.query(exam('by the sly', 'u1').replace('exam_results', 'public.exam_results'))
  await writer.query(`update public.exam_results set user_id = 'u2'`)
  const createTrigger = (table: string) =>
    writer.query(
      `create trigger mine after insert on ${table} for each row execute function public.attempt_enqueue_row()`,
    )
  await t.rejects(createTrigger('public.exam_results'), { code: '42501' })
  await writer.query('create table sly.mine (user_id text)')
  await t.rejects(createTrigger('sly.mine'), { code: '42501' })
  await writer.end()
  t.strictSame(await queued(db.pool), ['u1', 'u1', 'u2'])
  await db.pool.query(`drop owned by ${role}; drop role ${role}`)
})

t.test('a partitioned exam_results, written through the table and partition by partition', async (t) => {
  const db = await createDatabase(t, { bare: true })
  await db.pool.query(`create table exam_results (
    id uuid not null default gen_random_uuid(),
    session_id text not null,
    user_id text,
    exam_id integer,
    org_id integer,
    status text not null default 'ready',
    result_json jsonb not null,
    score_raw numeric,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (id, created_at)
  ) partition by range (created_at)`)
  const partition = (month: number) =>
    db.pool.query(
      `create table exam_results_${month} partition of exam_results
      for values from ('2026-0${month}-01Z') to ('2026-0${month + 1}-01Z')`,
    )
  await partition(3)
  await db.migrate()
  await db.pool.query(`create index attempt_student_idx on exam_results (attempt_student_id(user_id))`)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  await partition(4)
  const follows = async (what: string, sql: string, users: (string | null)[]) => {
    await db.pool.query(sql)
    const { rows } = await db.pool.query<{ user_id: string | null }>(
      'select user_id from attempt_queue order by user_id',
    )
    t.strictSame(
      rows.map(({ user_id }) => user_id),
      users,
      what,
    )
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, what)
  }
  await follows(
    'the table',
    `${exam('a', 'u1')},
    ('b', 'u2', '{"questions": [{"question_id": 2}]}', '2026-04-05Z', '2026-04-05Z')`,
    ['u1', 'u2'],
  )
  await follows('a partition', exam('c', 'u3').replace('exam_results', 'exam_results_3'), ['u3'])
  await follows('a partition made later', exam('d', 'u4', '2026-04-07Z').replace('exam_results', 'exam_results_4'), [
    'u4',
  ])
  await follows('another user, in a partition', `update exam_results_3 set user_id = 'u5' where session_id = 'c'`, [
    'u3',
    'u5',
  ])
  await follows(
    'a row that moves to another partition and user',
    `update exam_results set created_at = '2026-04-09Z', user_id = 'u6' where session_id = 'a'`,
    ['u1', 'u6'],
  )
  await follows(
    'a restore',
    `set session_replication_role = replica;
    ${exam('e', 'u7')};
    update exam_results_4 set updated_at = now() where session_id = 'd';
    reset session_replication_role`,
    ['u4', 'u7'],
  )
  await follows('a deletion', `delete from exam_results_4 where session_id in ('b', 'd')`, ['u2', 'u4'])
  await follows('an emptied table', `truncate exam_results; ${exam('f', 'u1')}`, ['u1', null])
  await disableStore({ primary: db.pool, store: db.pool }, () => undefined)
  t.equal(
    (await db.pool.query(`select count(*)::int as n from pg_trigger where tgname like 'attempt_queue%'`)).rows[0].n,
    0,
  )
})

const triggerKinds = `select
  tgrelid::regclass::text as on,
  tgname as name,
  tgenabled as enabled,
  pg_get_triggerdef(oid) as definition
from pg_trigger
where tgname like 'attempt_queue%'
order by 1, 2`

/** What others do to the triggers of a table, with writes that the queue misses, and how the fault is described. */
const changes = (table: string): [what: string, sql: string, described: RegExp][] => [
  [
    'enabled by a restore',
    `alter table ${table} disable trigger all; ${exam('unseen', 'u1')}; alter table ${table} enable trigger all`,
    new RegExp(
      'attempt_queue_row on .* is enabled for ordinary sessions only, ' +
        'expected: enabled for (every session|replication and restores only)',
    ),
  ],
  [
    'disabled',
    `alter table ${table} disable trigger user; ${exam('unseen too', 'u2')}`,
    /attempt_queue_row on .* is disabled/,
  ],
  [
    'dropped',
    `drop trigger attempt_queue_row on exam_results;
    drop trigger attempt_queue_truncate on exam_results;
    truncate exam_results;
    ${exam('second', 'u3')}`,
    /attempt_queue_row on .* is missing.*attempt_queue_truncate on exam_results is missing/,
  ],
  [
    'another function',
    `create function other() returns trigger language plpgsql as 'begin return null; end';
    drop trigger attempt_queue_truncate on exam_results;
    create trigger attempt_queue_truncate after truncate on exam_results execute function other();
    alter table exam_results enable always trigger attempt_queue_truncate;
    truncate exam_results`,
    /attempt_queue_truncate on exam_results is missing/,
  ],
]

/** The table with one partition, which has a name that needs quotes. */
const partitionedTable = `${createExamResults.replace(/ *\bprimary key\b| *\bunique\b/g, '')};
  alter table exam_results rename to plain;
  create table exam_results (like plain including defaults) partition by range (created_at);
  create table "exam results of 2026" partition of exam_results for values from ('2026-01-01Z') to ('2027-01-01Z')`

for (const partitioned of [false, true])
  t.test(`changed triggers: enable restores them and has the store rebuilt; partitioned: ${partitioned}`, async (t) => {
    const db = await createDatabase(t, { bare: partitioned })
    if (partitioned) {
      await db.pool.query(partitionedTable)
      await db.migrate()
    }
    await db.pool.query(`create index if not exists attempt_student_idx on exam_results (attempt_student_id(user_id))`)
    const pools = { primary: db.pool, store: db.pool }
    await enableStore(pools, () => undefined)
    await db.pool.query(exam('first', 'u1'))
    await catchUp(db.url)
    const made = (await db.pool.query(triggerKinds)).rows
    t.strictSame(await triggerFaults(db.pool), [])
    const {
      rows: [complete],
    } = await db.pool.query<{ version: string }>('select version from attempt_store')
    const table = partitioned ? '"exam results of 2026"' : 'exam_results'

    const enable = async () => {
      const lines: string[] = []
      await enableStore(pools, (line) => {
        lines.push(line)
      })
      return lines
    }
    const restore = async (what: string) => {
      t.match(await enable(), [/were changed and have been restored; the store will be filled again/], what)
      t.strictSame((await db.pool.query(triggerKinds)).rows, made, what)
      t.strictSame(await triggerFaults(db.pool), [])
    }
    const reaches = (wanted: string) =>
      until(
        async () => (await db.pool.query('select from attempt_store where state = $1', [wanted])).rowCount === 1,
        `the store is ${wanted}`,
      )
    /** The refresher finds the change by itself. */
    const restoreBesideRefresher = async (what: string, described: RegExp) => {
      const errors: string[] = []
      const refresher = createRefresher({
        primaryUrl: db.url,
        storeUrl: db.url,
        log: {
          ...silentLog,
          error: (_object, message) => {
            errors.push(message)
          },
        },
        intervals: shortIntervals,
      })
      void refresher.run()
      try {
        await reaches('emptying')
        // time for many more checks: it is not filled before the triggers are restored
        await sleep(10 * shortIntervals.triggerCheckMs)
        await reaches('emptying')
        await restore(what)
        await reaches('ready')
      } finally {
        await refresher.stop()
      }
      t.equal(errors.length, 1, 'logged once')
      t.match(errors[0], described)
    }

    for (const [what, sql, described] of changes(table)) {
      await db.pool.query(sql)
      t.match(describeFaults(await triggerFaults(db.pool)), described, what)
      if (what === 'enabled by a restore') await restoreBesideRefresher(what, described)
      else await restore(what)
      await catchUp(db.url)
      t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, what)
    }
    const later = 'select from attempt_store where version > $1 and oldest_version > $1'
    t.equal((await db.pool.query(later, [complete?.version])).rowCount, 1, 'the change feed starts over')
    // no refresher ran while the triggers were disabled
    await db.pool.query(`alter table ${table} disable trigger user; ${exam('last', 'u9')}`)
    await enableStore(pools, () => undefined)
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
    t.strictSame(await enable(), ['The store is already enabled.'])
  })

t.test('rows that arrive by logical replication', async (t) => {
  const server = await ownServer(t, 'wal_level=logical')
  const pool = (database: string) => {
    const url = new URL(server.url)
    url.pathname = `/${database}`
    const made = new pg.Pool({ connectionString: url.href, max: 2 })
    made.on('error', () => undefined)
    t.teardown(() => made.end())
    return { made, url: url.href }
  }
  const publisher = pool('postgres').made
  await publisher.query('create database copied')
  const { made: subscriber, url } = pool('copied')
  for (const one of [publisher, subscriber]) await one.query(createExamResults)
  await publisher.query(exam('before', 'u1'))
  await publisher.query(`create publication exams for table exam_results`)
  await publisher.query(`select pg_create_logical_replication_slot('exams', 'pgoutput')`)
  await migrateUp(subscriber)
  await buildIndexes(subscriber, () => undefined)
  await enableStore({ primary: subscriber, store: subscriber }, () => undefined)
  await subscriber.query(
    `create subscription exams connection '${server.url.replace('postgres://', 'postgresql://')}'
    publication exams with (create_slot = false, slot_name = 'exams')`,
  )
  const arrives = async (what: string, sql: string, condition: string) => {
    await publisher.query(sql)
    await until(async () => (await subscriber.query(`select where ${condition}`)).rowCount === 1, `${what} arrived`)
    await catchUp(url)
    t.strictSame(
      await differentRows(publisher, subscriber).catch((error: unknown) => error),
      await differentRows(subscriber, subscriber),
      what,
    )
    t.strictSame(await differentRows(subscriber, subscriber), noDifferentRows, what)
    t.equal((await subscriber.query(`select where ${condition}`)).rowCount, 1, what)
  }
  await migrateUp(publisher)
  await arrives('the first copy', 'select 1', `exists (select from exam_results where session_id = 'before')`)
  await arrives('an insertion', exam('after', 'u2'), `exists (select from exam_results where session_id = 'after')`)
  await arrives(
    'a move',
    `update exam_results set user_id = 'u3' where session_id = 'after'`,
    `exists (select from exam_results where user_id = 'u3')`,
  )
  await arrives(
    'a deletion',
    `delete from exam_results where session_id = 'before'`,
    `not exists (select from exam_results where session_id = 'before')`,
  )
  await arrives('an emptied table', 'truncate exam_results', 'not exists (select from exam_results)')
  await subscriber.query('drop subscription exams')
})
