/**
 * The V1 lock: the view `attempt` and what stands around it. Frozen: a later change is another migration, and
 * another shape is another view (`attempt_v2`). Imports nothing of the application, so that it means the same forever.
 *
 * attempt_exam ─ attempt_element ─ attempt_response ─ attempt_numbered ─ attempt
 *                              └─ attempt_anomaly
 */
import { type Kysely, sql } from 'kysely'

// ASCII blanks only: \s and \d follow the database's locale. The simple patterns come first because they cost a
// quarter of the bounded ones; they decide nothing that the full ones would not.
const blank = String.raw`[ \t\n\v\f\r]*`
const integer = (digits: number) => `^${blank}[+-]?0*[0-9]{1,${digits}}${blank}$`
const decimal = String.raw`^${blank}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?0*[0-9]{1,3})?${blank}$`
const boolean = `^${blank}(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)${blank}$`

/** `uuid_in` takes a hyphen after every fourth digit; whatever else has 36 characters is hashed like any text. */
const studentId = (user: string) => `case
    when length(${user}) = 36 and ${user} ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$' then ${user}::uuid
    else md5(${user})::uuid
  end`

const timestampRange = (value: string) =>
  `${value} >= timestamptz '0002-01-01 00:00:00+00' and ${value} < timestamptz '9999-01-01 00:00:00+00'`

// round(x * 1000) fits 32 bits exactly between these two.
const secondsRange = (value: string) => `${value} > -2147483.6485 and ${value} < 2147483.6475`

const attemptExam = `
create or replace view attempt_exam as
select
  r.id as exam_result_id,
  r.session_id,
  r.user_id,
  ${studentId('r.user_id')} as student_id,
  coalesce(r.updated_at, r.created_at) as completed_at,
  r.result_json -> 'questions' as questions
from exam_results r`

// Set-returning functions in a select list are this view's fences: PostgreSQL computes what is below them once a row
// (and not once for every use), and still lets a filter on student_id or completed_at through to the index.
const attemptElement = `
create or replace view attempt_element as
with exam as (
  select
    exam_result_id, session_id, user_id, student_id, completed_at,
    case when jsonb_typeof(questions) = 'array' then questions else '[]'::jsonb end as questions,
    generate_series(1, 1) as fence
  from attempt_exam
), element as (
  select
    exam_result_id, session_id, user_id, student_id, completed_at,
    jsonb_array_elements(questions) as element,
    generate_series(1, jsonb_array_length(questions)) as position
  from exam
), field as (
  select
    exam_result_id, session_id, user_id, student_id, completed_at, position,
    element ->> 'question_id' as question_id,
    element ->> 'is_correct' as is_correct_text,
    element ->> 'correct' as correct_text,
    coalesce(element ->> 'is_correct', element ->> 'correct') as correctness,
    element ->> 'time_spent_sec' as time_spent_sec,
    element ->> 'used_hints' as used_hints,
    nullif(element ->> 'topic', '') as topic_id,
    generate_series(1, 1) as fence
  from element
)
select
  exam_result_id, session_id, user_id, student_id, completed_at, position,
  question_id, is_correct_text, correct_text, time_spent_sec, used_hints, topic_id,
  case
    when length(question_id) < 19 and question_id ~ '^[0-9]+$' then question_id::bigint
    when question_id ~ '${integer(19)}' then case
      when question_id::numeric between -9223372036854775808 and 9223372036854775807 then question_id::bigint
    end
  end as item_id,
  case correctness
    when 'true' then true
    when 'false' then false
    else case
      when correctness is null then false
      when correctness ~* '${boolean}' then correctness::boolean
    end
  end as correct,
  case
    when length(time_spent_sec) < 10 and time_spent_sec ~ '^[0-9]+(\\.[0-9]+)?$' then time_spent_sec::numeric
    when length(time_spent_sec) <= 1000 and time_spent_sec ~ '${decimal}' then time_spent_sec::numeric
  end as seconds,
  case used_hints
    when '0' then 0
    when '1' then 1
    else case
      when used_hints ~ '${integer(10)}' then case
        when used_hints::numeric between -2147483648 and 2147483647 then used_hints::integer
      end
    end
  end as hints,
  generate_series(1, 1) as fence
from field`

const attemptResponse = `
create or replace view attempt_response as
select
  ('x' || substr(md5(exam_result_id::text || '-' || question_id), 1, 16))::bit(64)::bigint as id,
  student_id,
  item_id,
  correct,
  case when ${secondsRange('seconds')} then round(seconds * 1000)::integer else 0 end as response_time_ms,
  coalesce(hints > 0, false) as hint_used,
  completed_at,
  completed_at - case when ${secondsRange('seconds')} then round(seconds)::integer else 0 end * interval '1 second' as started_at,
  session_id,
  topic_id,
  exam_result_id,
  position,
  coalesce(is_correct_text, correct_text) is not null as answered
from attempt_element
where student_id is not null
  and ${timestampRange('completed_at')}
  -- one condition that names the fence, or it would be pushed below and computed twice
  and case when fence = 1 then item_id is not null and correct is not null end`

const attemptNumbered = `
create or replace view attempt_numbered as
select
  id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
  row_number() over (
    partition by student_id, item_id
    order by completed_at, exam_result_id, position
  )::integer as attempt_no,
  session_id, topic_id, exam_result_id, position, answered
from attempt_response`

const attempt = `
create or replace view attempt as
select
  id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id
from attempt_numbered`

const attemptAnomaly = `
create or replace view attempt_anomaly as
with element as (
  select
    *,
    case when fence = 1 then
      item_id is not null and correct is not null and student_id is not null
      and coalesce(${timestampRange('completed_at')}, false)
    end as is_attempt,
    case when is_correct_text is not null or correct_text is null then 'is_correct' else 'correct' end as correctness_field
  from attempt_element
), counted as (
  select *, count(*) filter (where is_attempt) over (partition by exam_result_id, item_id) as occurrences
  from element
)
select exam_result_id, session_id, user_id, null::integer as position, null::text as question_id,
  'questions'::text as field, questions #>> '{}' as value, 'questions_not_array'::text as reason, 'excluded'::text as outcome
from attempt_exam
where jsonb_typeof(questions) not in ('array', 'null')
union all
select e.exam_result_id, e.session_id, e.user_id, e.position, e.question_id, a.field, a.value, a.reason, a.outcome
from counted e
cross join lateral (values
  ('question_id', e.question_id, 'question_id_missing', 'excluded',
    nullif(e.question_id, '') is null),
  ('question_id', e.question_id, 'question_id_invalid', 'excluded',
    nullif(e.question_id, '') is not null and e.item_id is null),
  ('user_id', e.user_id, 'user_id_missing', 'excluded',
    e.user_id is null),
  -- written out, because a cast to text follows the session's TimeZone and DateStyle
  ('completed_at', case
      when isfinite(e.completed_at) then to_char(e.completed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || case when e.completed_at < timestamptz '0001-01-01 00:00:00+00' then ' BC' else '' end
      else e.completed_at::text
    end, 'completed_at_invalid', 'excluded',
    (${timestampRange('e.completed_at')}) is not true),
  (e.correctness_field, coalesce(e.is_correct_text, e.correct_text), 'correctness_invalid', 'excluded',
    e.correct is null),
  ('is_correct', null, 'correctness_missing', 'defaulted',
    e.is_attempt and coalesce(e.is_correct_text, e.correct_text) is null),
  ('time_spent_sec', e.time_spent_sec, 'time_spent_invalid', 'defaulted',
    e.is_attempt and nullif(e.time_spent_sec, '') is not null and (${secondsRange('e.seconds')}) is not true),
  ('used_hints', e.used_hints, 'used_hints_invalid', 'defaulted',
    e.is_attempt and e.used_hints is not null and e.hints is null),
  ('time_spent_sec', e.time_spent_sec, 'time_spent_negative', 'kept',
    e.is_attempt and e.seconds < 0 and e.seconds > -2147483.6485),
  ('question_id', e.question_id, 'duplicate_in_exam', 'kept',
    e.is_attempt and e.occurrences > 1)
) as a (field, value, reason, outcome, applies)
where a.applies`

const studentFunction = `
create or replace function attempt_student_id(user_id text) returns uuid
language sql immutable parallel safe
return ${studentId('user_id')}`

const comments: Record<string, string> = {
  'view attempt':
    'V1, locked: one row per answered question. Key: (student_id, item_id, attempt_no). ' +
    'Names, order, types, the student hash, attempt numbering and NULL rules never change under this name.',
  'column attempt.id':
    'first 16 hex digits of md5(exam result id, hyphen, question id text) as a signed 64-bit integer; not a key',
  'column attempt.student_id': 'user_id cast where it is a UUID, else the md5 of its UTF-8 bytes as a UUID',
  'column attempt.item_id': 'question_id as a 64-bit integer',
  'column attempt.correct': 'is_correct, else correct, else false',
  'column attempt.response_time_ms': 'milliseconds, half away from zero; 0 where no time was recorded',
  'column attempt.hint_used': 'used_hints above zero',
  'column attempt.completed_at': 'coalesce(updated_at, created_at) of the exam',
  'column attempt.started_at': 'completed_at minus the time spent, rounded to whole seconds',
  'column attempt.attempt_no':
    '1, 2, 3 ... within (student_id, item_id) by completed_at, exam result id, place in the array',
  'column attempt.session_id': 'session_id of the exam',
  'column attempt.topic_id': 'topic; null where empty or missing',
  'view attempt_anomaly':
    'what the view attempt leaves out, replaces by a default or keeps against expectation: ' +
    'one row per element and reason',
  'view attempt_exam': 'helper of attempt: one row per exam result, nothing unnested',
  'view attempt_element':
    'helper of attempt: every element of every exam, parsed; NULL where the text is not what the law takes',
  'view attempt_response':
    'helper of attempt: its rows without attempt_no, so that a range of days costs what the range holds',
  'view attempt_numbered':
    'helper of attempt: its rows with the exam result id, the place in the array and whether correctness was answered',
  'function attempt_student_id(text)': 'the student_id of a user_id, as the view attempt maps it',
}

/** What this migration makes, in the order in which it can be dropped. */
const views = ['attempt_anomaly', 'attempt', 'attempt_numbered', 'attempt_response', 'attempt_element', 'attempt_exam']

const sourceColumns: Record<string, string> = {
  id: 'uuid',
  session_id: 'text',
  user_id: 'text',
  result_json: 'jsonb',
  created_at: 'timestamp with time zone',
  updated_at: 'timestamp with time zone',
}

const lockedColumns =
  'id bigint, student_id uuid, item_id bigint, correct boolean, response_time_ms integer, hint_used boolean, ' +
  'completed_at timestamp with time zone, started_at timestamp with time zone, ' +
  'attempt_no integer, session_id text, topic_id text'

/** The columns of a relation on the search path as `name type, ...`, or undefined where there is none. */
async function columnsOf(db: Kysely<unknown>, relation: string) {
  const { rows } = await sql<{ name: string; type: string; kind: string }>`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, c.relkind as kind
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where a.attrelid = to_regclass(${relation}) and a.attnum > 0 and not a.attisdropped
    order by a.attnum`.execute(db)
  return rows.length > 0 ? rows : undefined
}

/** Relations and functions outside this migration that read what it made, as `schema.name`. */
async function dependants(db: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    with made as (
      select to_regclass(name)::oid as oid, 'pg_class'::regclass as class from unnest(${views}::text[]) as name
      union all
      -- what takes or returns rows of a view depends on its type
      select t.oid, 'pg_type'::regclass
      from pg_class c join pg_type t on t.oid = c.reltype or t.typelem = c.reltype and t.typcategory = 'A'
      where c.oid = any(select to_regclass(name)::oid from unnest(${views}::text[]) as name)
      union all
      select to_regprocedure('attempt_student_id(text)')::oid, 'pg_proc'::regclass
    )
    select distinct pg_describe_object(
      case when d.classid = 'pg_rewrite'::regclass then 'pg_class'::regclass else d.classid end,
      coalesce(w.ev_class, d.objid), case when w.oid is null then d.objsubid else 0 end) as name
    from made
    join pg_depend d on d.refclassid = made.class and d.refobjid = made.oid and d.deptype = 'n'
    left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    where coalesce(w.ev_class, d.objid) not in (select oid from made where oid is not null)
    order by 1`.execute(db)
  return rows.map((row) => row.name)
}

export async function up(db: Kysely<unknown>): Promise<void> {
  const {
    rows: [server],
  } = await sql<{ encoding: string }>`
    select pg_encoding_to_char(encoding) as encoding from pg_database where datname = current_database()`.execute(db)
  if (server?.encoding !== 'UTF8') {
    throw new Error(
      `The database has the encoding ${server?.encoding}; the student hash is over UTF-8 bytes. Use a UTF8 database.`,
    )
  }
  const source = await columnsOf(db, 'exam_results')
  if (source === undefined || !['r', 'p'].includes(source[0]?.kind ?? '')) {
    throw new Error(
      'There is no table exam_results on the search path. It belongs to the exam platform: run its migrations first, ' +
        'or set the search_path of DATABASE_URL to its schema.',
    )
  }
  const lacking = Object.entries(sourceColumns)
    .filter(([name, type]) => !source.some((column) => column.name === name && column.type === type))
    .map(([name, type]) => `${name} ${type}`)
  if (lacking.length > 0) {
    throw new Error(
      `exam_results lacks what the view attempt reads: ${lacking.join(', ')}. Run the exam platform's migrations first.`,
    )
  }
  const existing = await columnsOf(db, 'attempt')
  if (existing !== undefined) {
    const columns = existing.map(({ name, type }) => `${name} ${type}`).join(', ')
    if (existing[0]?.kind !== 'v') {
      throw new Error('attempt is there and is no view. Rename it; this migration replaces nothing but a view.')
    }
    if (columns !== lockedColumns) {
      const used = await dependants(db)
      throw new Error(
        `A view attempt with other columns is there. It has: ${columns}. The lock has: ${lockedColumns}. ` +
          `Depending on it: ${used.join(', ') || 'nothing'}. Rename or drop it first; nothing was changed.`,
      )
    }
  }
  for (const statement of [
    attemptExam,
    attemptElement,
    attemptResponse,
    attemptNumbered,
    attempt,
    attemptAnomaly,
    studentFunction,
  ]) {
    await sql.raw(statement).execute(db)
  }
  for (const [object, text] of Object.entries(comments)) {
    await sql.raw(`comment on ${object} is '${text.replaceAll("'", "''")}'`).execute(db)
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const used = await dependants(db)
  if (used.length > 0) {
    throw new Error(
      `These depend on the view attempt or its helpers: ${used.join(', ')}. Drop or change them first; nothing was dropped.`,
    )
  }
  for (const view of views) await sql.raw(`drop view if exists ${view}`).execute(db)
  await sql.raw('drop function if exists attempt_student_id(text)').execute(db)
}
