/** The hash in `id`, and `session_id`. */
import { all, exam, mutant, response, wrap, type Mutant } from './build.js'

export const idMutants: readonly Mutant[] = [
  mutant(
    'positive ids',
    'golden:id_hash',
    response(/(\(\(\('x'.*?\)\)::bit\(64\)\)::bigint) AS id/, '$1 & 9223372036854775807 as id'),
  ),
  mutant(
    'the absolute id',
    'golden:id_hash',
    response(/(\(\(\('x'.*?\)\)::bit\(64\)\)::bigint) AS id/, 'abs($1) as id'),
  ),
  mutant(
    'the id of sha256',
    'golden:id_hash',
    response(/md5\((.*?question_id\))\)/, "encode(sha256(convert_to($1, 'UTF8')), 'hex')"),
  ),
  mutant(
    'sessions trimmed',
    'golden:session_id',
    wrap('', all.replace('session_id', 'btrim(session_id) as session_id')),
  ),
  mutant(
    'sessions in lower case',
    'golden:session_id',
    wrap('', all.replace('session_id', 'lower(session_id) as session_id')),
  ),
  mutant(
    'sessions cut at 64',
    'golden:session_id',
    wrap('', all.replace('session_id', 'left(session_id, 64) as session_id')),
  ),
  mutant(
    'an empty session as null',
    'golden:session_id',
    wrap('', all.replace('session_id', "nullif(session_id, '') as session_id")),
  ),
  mutant('an operator of another meaning', 'golden:hint_used', (chain) => [
    'create function public.more(integer, integer) returns boolean language sql immutable as $$ select $1 + 1 > $2 $$',
    'create operator public.>> (function = public.more, leftarg = integer, rightarg = integer)',
    ...response('(hints > 0)', '(hints operator(public.>>) 0)')(chain),
  ]),
  mutant(
    'a microsecond later',
    'golden:',
    exam('COALESCE(updated_at, created_at)', "coalesce(updated_at, created_at) + interval '1 microsecond'"),
  ),
]
