/** The platform's statements on exam_results never fail because of the triggers; what the queue missed is filled in. */
import t from 'tap'
import { createExamResults } from '../../src/development/exam-results.js'
import { migrateDown } from '../../src/migrate/runner.js'
import { queueMigrations } from '../../src/migrate/migration-sets.js'
import { disableStore, enableStore, upgradeStore } from '../../src/store/enable.js'
import { createSmallStore, stateOf } from '../helpers/small-store.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { createRefresher } from '../../src/store/refresher.js'
import { catchUp, differentRows, enabled, noDifferentRows, shortIntervals, silentLog } from '../helpers/store.js'
import { until } from '../helpers/until.js'

const document = '{"questions": [{"question_id": 5, "is_correct": true}]}'

/**
 * Every kind of statement that fires a trigger.
 * @param prefix of the sessions
 * @param user the name of the column user_id
 * @param id the name of the column id
 */
async function writeEveryWay({ pool }: TestDatabase, prefix: string, user = 'user_id', id = 'id'): Promise<void> {
  const client = await pool.connect()
  try {
    const { rows } = await client.query<{ major: number }>(
      `select current_setting('server_version_num')::integer / 10000 as major`,
    )
    await client.query(
      `insert into exam_results (session_id, ${user}, result_json)
      values ('${prefix}1', 'u1', $1), ('${prefix}2', 'u2', $1)`,
      [document],
    )
    await client.query(
      `insert into exam_results (session_id, ${user}, result_json) values ('${prefix}1', 'u3', $1)
      on conflict (session_id) do update set ${user} = excluded.${user}`,
      [document],
    )
    for (const row of [`${prefix}3,u3,{}`, `${prefix}4,u4,{}`])
      await client.query(`copy exam_results (session_id, ${user}, result_json) from program 'echo ${row}' (format csv)`)
    if ((rows[0]?.major ?? 0) >= 15)
      await client.query(
        `merge into exam_results r using (values ('${prefix}4', 'u5'), ('${prefix}5', 'u5')) as n (session, name)
        on r.session_id = n.session
        when matched then update set ${user} = n.name
        when not matched then insert (session_id, ${user}, result_json) values (n.session, n.name, '{}')`,
      )
    await client.query(`delete from exam_results where session_id in ('${prefix}2', 's1') returning ${id}`)
    await client.query(`set session_replication_role = replica`)
    await client.query(`update exam_results set updated_at = now() where session_id in ('${prefix}3', 's2')`)
  } finally {
    client.release(true)
  }
}

interface Breakage {
  what: string
  sql: string
  mend: string
  /** What the triggers record; undefined: they do not notice. */
  recorded?: RegExp
  user?: string
  id?: string
  /** A refresher refuses to fill the store before the cause is gone. */
  refused?: RegExp
}

/** Roles belong to the server, which other test files use as well. */
const keeper = `keeper_${process.pid}`

const breakages: Breakage[] = [
  {
    what: 'user_id renamed',
    sql: 'alter table exam_results rename column user_id to student_ref',
    mend: 'alter table exam_results rename column student_ref to user_id',
    user: 'student_ref',
    recorded: /42703 column "user_id" does not exist/,
    refused: /column user_id of exam_results was renamed to student_ref.*rename column student_ref to user_id/,
  },
  {
    what: 'id renamed',
    sql: 'alter table exam_results rename column id to result_id',
    mend: 'alter table exam_results rename column result_id to id',
    id: 'result_id',
    recorded: /42703 column "id" does not exist/,
    refused: /column id of exam_results was renamed to result_id/,
  },
  {
    what: 'another column takes the name',
    sql: `alter table exam_results rename column user_id to student_ref;
      alter table exam_results add column user_id bytea default '\\x00'`,
    mend: `alter table exam_results drop column user_id;
      alter table exam_results rename column student_ref to user_id`,
    user: 'student_ref',
    refused: /column user_id of exam_results is not the one that the view reads, which is student_ref/,
  },
  {
    what: 'the queue is gone',
    sql: 'alter table attempt_queue rename to attempt_queue_away',
    mend: 'alter table attempt_queue_away rename to attempt_queue',
    recorded: /42P01 relation "public\.attempt_queue" does not exist/,
    refused: /attempt_queue is missing.*attempt-api store enable/,
  },
  {
    what: 'the schema of the queue changed',
    sql: 'alter table attempt_queue rename column is_new to is_old',
    mend: 'alter table attempt_queue rename column is_old to is_new',
    recorded: /42703 column "is_new" of relation "attempt_queue" does not exist/,
  },
  {
    what: 'the queue refuses rows',
    sql: `alter table attempt_queue add constraint none check (user_id is null)`,
    mend: 'alter table attempt_queue drop constraint none',
    recorded: /^23514$/,
  },
  {
    what: 'no space for the queue',
    sql: `create function full_disk() returns trigger language plpgsql
        as $$ begin raise disk_full using message = 'could not extend file'; end $$;
      create trigger full_disk before insert on attempt_queue for each row execute function full_disk()`,
    mend: 'drop function full_disk cascade',
    recorded: /53100 could not extend file/,
  },
  {
    what: 'the rights on the queue are revoked',
    sql: `create role ${keeper};
      alter function attempt_enqueue() owner to ${keeper};
      grant insert on attempt_queue_gap to ${keeper}`,
    mend: `grant insert on attempt_queue to ${keeper}`,
    recorded: /42501 permission denied for table attempt_queue/,
    refused: /role keeper_\d+, which may not insert into attempt_queue\. Run grant insert on attempt_queue to/,
  },
]

/** Why a refresher refuses to fill the store; it would retry for longer. */
async function refusal({ url }: TestDatabase): Promise<string> {
  const intervals = { ...shortIntervals, oncePatienceMs: 0 }
  const refresher = createRefresher({ primaryUrl: url, storeUrl: url, log: silentLog, once: true, intervals })
  try {
    await refresher.run()
  } catch (error) {
    return (error as Error).message
  } finally {
    await refresher.stop()
  }
  return 'none'
}

const reasons = async ({ pool }: TestDatabase) =>
  (
    await pool.query<{ problem: string }>(
      `select distinct problem from attempt_queue_gap
      union
      select to_jsonb(q) ->> 'problem'
      from ${(await pool.query(`select to_regclass('attempt_queue') as queue`)).rows[0].queue ?? 'attempt_queue_away'} q
      where to_jsonb(q) ->> 'problem' is not null`,
    )
  ).rows.map(({ problem }) => problem)

t.test('whatever is done to the source or the queue, writers continue and the store catches up', async (t) => {
  const { db } = await createSmallStore(t)
  for (const [n, { what, sql, mend, user, id, recorded, refused }] of breakages.entries()) {
    await db.pool.query(sql)
    await writeEveryWay(db, `w${n}_`, user, id)
    if (recorded !== undefined) t.match((await reasons(db)).join('; '), recorded, what)
    if (refused !== undefined) {
      t.match(await refusal(db), refused, what)
      t.equal((await stateOf(db)).state, 'emptying', `${what}: requests read the view`)
    }
    await db.pool.query(mend)
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, what)
    t.strictSame(await reasons(db), [])
  }
  await db.pool.query(`reassign owned by ${keeper} to current_user; drop owned by ${keeper}; drop role ${keeper}`)
})

t.test('a rollback to a savepoint takes the record with it, and every statement is recorded otherwise', async (t) => {
  const { db } = await createSmallStore(t)
  await db.pool.query('alter table exam_results rename column user_id to student_ref')
  const write = `update exam_results set status = 'x'`
  await db.pool.query(`begin; savepoint s; ${write}; rollback to s; commit`)
  t.strictSame(await reasons(db), [])
  await db.pool.query(`begin; savepoint s; ${write}; rollback to s; ${write}; commit`)
  t.strictSame(await reasons(db), ['42703 column "user_id" does not exist'])
})

t.test('many statements in one transaction: few transaction ids, and the last is as safe as the first', async (t) => {
  const { db } = await createSmallStore(t)
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release(true)
  })
  const many = (column: string) => `do $$ begin
    for n in 1..100 loop
      insert into exam_results (session_id, ${column}, result_json)
      values ('${column}' || n, 'u' || n % 12, '${document}');
    end loop;
  end $$`
  await client.query('begin')
  await client.query(many('user_id'))
  const { rows } = await client.query(
    'select count(*)::integer as n, count(distinct xmin::text)::integer as ids from attempt_queue',
  )
  t.equal(rows[0].n, 100)
  // 64 fit into what PostgreSQL keeps in memory for other sessions
  t.ok(rows[0].ids <= 34, `${rows[0].ids} transaction ids`)
  await client.query('alter table exam_results rename column user_id to student_ref')
  await client.query(many('student_ref'))
  await client.query('alter table exam_results rename column student_ref to user_id')
  await client.query('commit')
  t.strictSame(await reasons(db), ['42703 column "user_id" does not exist'])
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
})

t.test('a lock on the queue delays a writer for a second, and its own statement_timeout stays in force', async (t) => {
  const { db } = await createSmallStore(t)
  const [holder, writer] = [await db.pool.connect(), await db.pool.connect()]
  t.teardown(() => {
    for (const client of [holder, writer]) client.release(true)
  })
  const insert = (session: string) =>
    `insert into exam_results (session_id, user_id, result_json) values ('${session}', 'u1', '${document}')`
  await holder.query('begin; lock table attempt_queue in access exclusive mode')
  await writer.query(`set statement_timeout = '200ms'`)
  await t.rejects(writer.query(insert('w1')), { code: '57014' }, 'the statement is canceled, as on any lock')
  await writer.query(`set statement_timeout = 0; set lock_timeout = 0`)
  await writer.query(insert('w2'))
  await holder.query('rollback')
  t.match(await reasons(db), ['55P03 canceling statement due to lock timeout'])
  t.equal((await writer.query('show lock_timeout')).rows[0].lock_timeout, '0')
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
})

t.test('a partitioned table: rows written through the table and through a partition', async (t) => {
  const db = await createDatabase(t, { bare: true })
  await db.pool.query(`${createExamResults.replace(/ *\bprimary key\b| *\bunique\b/g, '')};
    alter table exam_results rename to plain;
    create table exam_results (like plain including defaults) partition by range (created_at);
    create table exam_results_all partition of exam_results default`)
  await db.migrate()
  await db.pool.query('create index attempt_student_idx on exam_results (attempt_student_id(user_id))')
  await enabled(db)
  for (const column of ['user_id', 'id']) {
    await db.pool.query(`alter table exam_results rename column ${column} to other_name`)
    const user = column === 'user_id' ? 'other_name' : 'user_id'
    for (const table of ['exam_results', 'exam_results_all'])
      await db.pool.query(`insert into ${table} (session_id, ${user}, result_json) values ('s', 'u', '${document}')`)
    await db.pool.query(`update exam_results set updated_at = now()`)
    t.match(await refusal(db), new RegExp(`column ${column} of exam_results was renamed to other_name`))
    await db.pool.query(`alter table exam_results rename column other_name to ${column}`)
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  }
  // each row is a call of the trigger
  const rows = (column: string) =>
    `insert into exam_results (session_id, ${column}, result_json)
    select 's' || n, 'u' || n % 3, '${document}' from generate_series(1, 50) as n`
  await db.pool.query(`begin; ${rows('user_id')};
    alter table exam_results rename column user_id to other_name; ${rows('other_name')};
    alter table exam_results rename column other_name to user_id; commit`)
  const { rows: ids } = await db.pool.query<{ n: number }>(
    'select count(distinct xmin::text)::integer as n from attempt_queue where problem is null',
  )
  t.ok((ids[0]?.n ?? 0) <= 33, `${ids[0]?.n} transaction ids`)
  t.match(await reasons(db), [/^42703 record "new" has no field "user_id"/])
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
})

t.test('enable creates a queue again that was dropped in part', async (t) => {
  const { db } = await createSmallStore(t)
  const pools = { primary: db.pool, store: db.pool }
  for (const drop of [
    'drop table attempt_queue',
    'drop table attempt_queue_gap',
    'drop table attempt_queue_reader',
    'drop table attempt_queue, attempt_queue_gap, attempt_queue_reader',
    'drop function attempt_enqueue() cascade',
  ]) {
    await db.pool.query(drop)
    await db.pool.query(
      `update exam_results set result_json = '${document}', updated_at = now() where session_id = 's3'`,
    )
    const said: string[] = []
    await enableStore(pools, (line) => {
      said.push(line)
    })
    t.match(said[0], /The queue on exam_results is incomplete \(.* is missing\) and is created again/, drop)
    await db.pool.query(`update exam_results set user_id = 'new', updated_at = now() where session_id = 's4'`)
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, drop)
    await db.pool.query(`update exam_results set user_id = 'old', result_json = '{}' where session_id in ('s3', 's4')`)
    await catchUp(db.url)
  }
  await db.pool.query('alter table exam_results rename column user_id to student_ref')
  await t.rejects(
    enableStore(pools, () => undefined),
    /renamed to student_ref.*Nothing was changed/,
  )
})

t.test('upgrade replaces the functions of an installed queue, with the rights of its reader', async (t) => {
  const { db } = await createSmallStore(t)
  await migrateDown(db.pool, queueMigrations)
  const role = `reader_of_${db.name}`
  await db.pool.query(`create role ${role}; grant select, delete on attempt_queue to ${role}`)
  const insert = (column: string, session: string) =>
    db.pool.query(
      `insert into exam_results (session_id, ${column}, result_json) values ('${session}', 'u1', '${document}')`,
    )
  await insert('user_id', 'before')
  const said: string[] = []
  await upgradeStore({ primary: db.pool, store: db.pool }, (line) => {
    said.push(line)
  })
  t.strictSame(said, ['applied 20261201_0900_attempt_queue_problems'])
  await db.pool.query('alter table exam_results rename column user_id to student_ref')
  await insert('student_ref', 'after')
  await db.pool.query('alter table exam_results rename column student_ref to user_id')
  const client = await db.pool.connect()
  await client.query(`set role ${role}; select from attempt_queue_gap; delete from attempt_queue_gap`)
  await t.rejects(client.query(`insert into attempt_queue_gap default values`), { code: '42501' })
  client.release(true)
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  await db.pool.query(`drop owned by ${role}; drop role ${role}`)
})

t.test('a disable that waits for exam_results holds nothing that a writer waits for', async (t) => {
  const { db } = await createSmallStore(t)
  const reader = await db.pool.connect()
  const writer = await db.pool.connect()
  await reader.query('begin; select count(*) from exam_results')
  // has locked exam_results, and writes the queue only later
  await writer.query('begin; lock table exam_results in row exclusive mode')
  const disabled = disableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const pid = await until(async () => {
    const { rows } = await db.pool.query<{ pid: number }>(
      `select pid from pg_locks
      where relation = 'exam_results'::regclass and mode = 'AccessExclusiveLock' and not granted`,
    )
    return rows[0]?.pid
  }, 'it waits')
  const held = await db.pool.query(
    `select mode from pg_locks where pid = $1 and relation = 'attempt_queue'::regclass and granted`,
    [pid],
  )
  t.strictSame(held.rows, [])
  await writer.query(
    `insert into exam_results (session_id, user_id, result_json) values ('late', 'u', '{"questions": []}')`,
  )
  const { rows } = await writer.query(`select user_id, problem from attempt_queue where user_id = 'u'`)
  t.strictSame(rows, [{ user_id: 'u', problem: null }], 'the trigger did not give up waiting for the queue')
  await writer.query('commit')
  await reader.query('rollback')
  writer.release()
  reader.release()
  await disabled
  t.equal((await db.pool.query(`select to_regclass('attempt_queue') as queue`)).rows[0].queue, null)
})
