/** How mutants and variants of the view are made from the definitions of the view and its helper views. */

/** The right definition of each view, by its name. */
export type Chain = Record<string, string>

export interface Mutant {
  name: string
  /** Statements that change the deployed view. */
  statements: (chain: Chain) => string[]
  /** The name, or its beginning, of a check that must fail. */
  fails: string
}

export interface Variant {
  name: string
  statements: (chain: Chain) => string[]
}

/** The right definition of one view with one expression replaced. @throws Error where nothing was replaced */
export const swap =
  (view: string, from: string | RegExp, to: string) =>
  (chain: Chain): string[] => {
    const before = chain[view] ?? ''
    const after = typeof from === 'string' ? before.replaceAll(from, () => to) : before.replace(from, to)
    if (after === before) throw new Error(`nothing to replace in ${view}: ${String(from)} is not in ${before}`)
    return [`create or replace view ${view} as ${after}`]
  }
/** `attempt` as a query over its right definition. */
export const wrap =
  (clause: string, list = '*') =>
  (chain: Chain): string[] => {
    const definition = (chain['attempt'] ?? '').replace(/;\s*$/, '')
    return [`create or replace view attempt as select ${list} from (${definition}) w ${clause}`]
  }
/** Drops `attempt` and creates it again, for shapes that CREATE OR REPLACE refuses. */
export const remake =
  (list: string, how = 'view') =>
  (): string[] => ['drop view attempt', `create ${how} attempt as select ${list} from attempt_numbered`]
/** The columns of `attempt`. */
export const all =
  'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, ' +
  'session_id, topic_id'
export const sql =
  (...statements: string[]) =>
  () =>
    statements
export const mutant = (name: string, fails: string, statements: Mutant['statements']): Mutant => ({
  name,
  statements,
  fails,
})

export const response = (from: string | RegExp, to: string) => swap('attempt_response', from, to)
export const element = (from: string | RegExp, to: string) => swap('attempt_element', from, to)
export const numbered = (from: string | RegExp, to: string) => swap('attempt_numbered', from, to)
export const exam = (from: string | RegExp, to: string) => swap('attempt_exam', from, to)
/** In attempt_numbered. */
export const order = 'ORDER BY completed_at, exam_result_id, "position"'

/** In regular expressions of the view: blanks around a value. */
export const blank = String.raw`[ \t\n\v\f\r]*`
const number = String.raw`${blank}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?0*[0-9]{1,3})?${blank}`
/** In `oneQuery`: the column item_id. */
export const itemOfOneQuery = `case when f.question ~ '^${blank}[+-]?0*[0-9]{1,19}${blank}$' then
      case when f.question::numeric between -9223372036854775808 and 9223372036854775807 then f.question::bigint end
    end as item`
const seconds = 'case when p.seconds > -2147483.6485 and p.seconds < 2147483.6475 then p.seconds else 0 end'
/** The same view as another author would write it: one query without helper views. */
export const oneQuery = `
create or replace view attempt as
select
  ('x' || left(md5(concat_ws('-', r.id, f.question)), 16))::bit(64)::bigint as id,
  u.student as student_id,
  p.item as item_id,
  p.correct,
  round(${seconds} * 1000)::integer as response_time_ms,
  p.hints is not null and p.hints >= 1 as hint_used,
  u.completed as completed_at,
  u.completed - make_interval(secs => round(${seconds})::double precision) as started_at,
  (row_number() over (partition by u.student, p.item order by u.completed, r.id, e.place))::integer as attempt_no,
  r.session_id,
  f.topic as topic_id
from exam_results r
cross join lateral (
  select
    case
      when r.user_id ~ '^[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}$' and length(r.user_id) = 36 then r.user_id::uuid
      else md5(r.user_id)::uuid
    end as student,
    coalesce(r.updated_at, r.created_at) as completed
) u
cross join lateral jsonb_array_elements(
  case when jsonb_typeof(r.result_json -> 'questions') = 'array' then r.result_json -> 'questions' else '[]' end
) with ordinality as e (element, place)
cross join lateral (
  select
    e.element ->> 'question_id' as question,
    coalesce(e.element ->> 'is_correct', e.element ->> 'correct', 'false') as correct,
    e.element ->> 'time_spent_sec' as time,
    e.element ->> 'used_hints' as hints,
    nullif(e.element ->> 'topic', '') as topic
) f
cross join lateral (
  select
    ${itemOfOneQuery},
    case
      when f.correct ~* '^${blank}(t|tr|tru|true|y|ye|yes|on|1)${blank}$' then true
      when f.correct ~* '^${blank}(f|fa|fal|fals|false|n|no|of|off|0)${blank}$' then false
    end as correct,
    case when length(f.time) <= 1000 and f.time ~ '^${number}$' then f.time::numeric end as seconds,
    case when f.hints ~ '^${blank}[+-]?0*[0-9]{1,10}${blank}$' then
      case when f.hints::numeric between -2147483648 and 2147483647 then f.hints::integer end
    end as hints
) p
where p.item is not null and p.correct is not null and u.student is not null
  and u.completed >= timestamptz '0002-01-01 00:00:00+00' and u.completed < timestamptz '9999-01-01 00:00:00+00'`
/** `oneQuery` with one expression replaced. @throws Error where nothing was replaced */
export const one = (from: string | RegExp, to: string) => (): string[] => {
  const after = oneQuery.replace(from, typeof from === 'string' ? to.replaceAll('$', '$$$$') : to)
  if (after === oneQuery) throw new Error(`nothing to replace in one query: ${String(from)}`)
  return [after]
}
/** In `oneQuery`: completed_at and what is subtracted from it. */
export const started = /(u\.completed) - (make_interval\(.*?::double precision\))/
/** In `oneQuery`: the window of attempt_no. */
export const numbering = 'partition by u.student, p.item order by u.completed, r.id, e.place'
