/** Who: casts and hashes of `user_id`. */
import { exam, mutant, response, wrap, type Mutant } from './build.js'

export const studentMutants: readonly Mutant[] = [
  mutant('32 digits cast', 'golden:student_id_hash', exam('(length(user_id) = 36)', '(length(user_id) in (32, 36))')),
  mutant(
    'braces cast',
    'golden:student_id_hash',
    exam(
      'ELSE (md5(user_id))::uuid',
      "when user_id ~ '^[{][0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}[}]$' " +
        'then user_id::uuid else md5(user_id)::uuid',
    ),
  ),
  mutant('normalised hash', 'golden:student_id_hash', exam('md5(user_id)', 'md5(normalize(user_id))')),
  mutant(
    'hash of a line without its end',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(rtrim(user_id, E'\\n'))"),
  ),
  mutant(
    'mail addresses without a domain',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(split_part(user_id, '@', 1))"),
  ),
  mutant(
    'numbers padded',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(case when user_id ~ '^[0-9]+$' then lpad(user_id, 10, '0') else user_id end)"),
  ),
  mutant(
    'test users left out',
    'golden:every_user_counts',
    exam('FROM exam_results r', "from exam_results r where r.user_id is null or r.user_id not ilike 'test%'"),
  ),
  mutant(
    'the staff left out',
    'golden:every_user_counts',
    exam(
      'FROM exam_results r',
      "from exam_results r where r.user_id is null or r.user_id not in ('admin', 'root', 'demo', 'guest', 'anonymous')",
    ),
  ),
  mutant('no user kept', 'golden:student_id_null', response('(student_id IS NOT NULL) AND ', '')),
  mutant(
    'the nil UUID left out',
    'golden:student_id_cast',
    wrap("where student_id <> '00000000-0000-0000-0000-000000000000'"),
  ),
]
