/** Printed by PostgreSQL 14 and 15. Generated: npm run generate:definitions. */
import type { PrintedDefinitions } from '../contract.js'

export const postgres14: PrintedDefinitions = {
  attempt: String.raw`
 SELECT attempt_numbered.id,
    attempt_numbered.student_id,
    attempt_numbered.item_id,
    attempt_numbered.correct,
    attempt_numbered.response_time_ms,
    attempt_numbered.hint_used,
    attempt_numbered.completed_at,
    attempt_numbered.started_at,
    attempt_numbered.attempt_no,
    attempt_numbered.session_id,
    attempt_numbered.topic_id
   FROM attempt_numbered;
`,
  attempt_anomaly: String.raw`
 WITH element AS (
         SELECT attempt_element.exam_result_id,
            attempt_element.session_id,
            attempt_element.user_id,
            attempt_element.student_id,
            attempt_element.completed_at,
            attempt_element."position",
            attempt_element.question_id,
            attempt_element.is_correct_text,
            attempt_element.correct_text,
            attempt_element.time_spent_sec,
            attempt_element.used_hints,
            attempt_element.topic_id,
            attempt_element.item_id,
            attempt_element.correct,
            attempt_element.seconds,
            attempt_element.hints,
            attempt_element.fence,
                CASE
                    WHEN (attempt_element.fence = 1) THEN ((attempt_element.item_id IS NOT NULL) AND (attempt_element.correct IS NOT NULL) AND (attempt_element.student_id IS NOT NULL) AND COALESCE(((attempt_element.completed_at >= '0002-01-01 00:00:00+00'::timestamp with time zone) AND (attempt_element.completed_at < '9999-01-01 00:00:00+00'::timestamp with time zone)), false))
                    ELSE NULL::boolean
                END AS is_attempt,
                CASE
                    WHEN ((attempt_element.is_correct_text IS NOT NULL) OR (attempt_element.correct_text IS NULL)) THEN 'is_correct'::text
                    ELSE 'correct'::text
                END AS correctness_field
           FROM attempt_element
        ), counted AS (
         SELECT element.exam_result_id,
            element.session_id,
            element.user_id,
            element.student_id,
            element.completed_at,
            element."position",
            element.question_id,
            element.is_correct_text,
            element.correct_text,
            element.time_spent_sec,
            element.used_hints,
            element.topic_id,
            element.item_id,
            element.correct,
            element.seconds,
            element.hints,
            element.fence,
            element.is_attempt,
            element.correctness_field,
            count(*) FILTER (WHERE element.is_attempt) OVER (PARTITION BY element.exam_result_id, element.item_id) AS occurrences
           FROM element
        )
 SELECT attempt_exam.exam_result_id,
    attempt_exam.session_id,
    attempt_exam.user_id,
    NULL::integer AS "position",
    NULL::text AS question_id,
    'questions'::text AS field,
    (attempt_exam.questions #>> '{}'::text[]) AS value,
    'questions_not_array'::text AS reason,
    'excluded'::text AS outcome
   FROM attempt_exam
  WHERE (jsonb_typeof(attempt_exam.questions) <> ALL (ARRAY['array'::text, 'null'::text]))
UNION ALL
 SELECT e.exam_result_id,
    e.session_id,
    e.user_id,
    e."position",
    e.question_id,
    a.field,
    a.value,
    a.reason,
    a.outcome
   FROM (counted e
     CROSS JOIN LATERAL ( VALUES ('question_id'::text,e.question_id,'question_id_missing'::text,'excluded'::text,(NULLIF(e.question_id, ''::text) IS NULL)), ('question_id'::text,e.question_id,'question_id_invalid'::text,'excluded'::text,((NULLIF(e.question_id, ''::text) IS NOT NULL) AND (e.item_id IS NULL))), ('user_id'::text,e.user_id,'user_id_missing'::text,'excluded'::text,(e.user_id IS NULL)), ('completed_at'::text,
                CASE
                    WHEN isfinite(e.completed_at) THEN (to_char((e.completed_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text) ||
                    CASE
                        WHEN (e.completed_at < '0001-01-01 00:00:00+00'::timestamp with time zone) THEN ' BC'::text
                        ELSE ''::text
                    END)
                    ELSE (e.completed_at)::text
                END,'completed_at_invalid'::text,'excluded'::text,(((e.completed_at >= '0002-01-01 00:00:00+00'::timestamp with time zone) AND (e.completed_at < '9999-01-01 00:00:00+00'::timestamp with time zone)) IS NOT TRUE)), (e.correctness_field,COALESCE(e.is_correct_text, e.correct_text),'correctness_invalid'::text,'excluded'::text,(e.correct IS NULL)), ('is_correct'::text,NULL::text,'correctness_missing'::text,'defaulted'::text,(e.is_attempt AND (COALESCE(e.is_correct_text, e.correct_text) IS NULL))), ('time_spent_sec'::text,e.time_spent_sec,'time_spent_invalid'::text,'defaulted'::text,(e.is_attempt AND (NULLIF(e.time_spent_sec, ''::text) IS NOT NULL) AND (((e.seconds > '-2147483.6485'::numeric) AND (e.seconds < 2147483.6475)) IS NOT TRUE))), ('used_hints'::text,e.used_hints,'used_hints_invalid'::text,'defaulted'::text,(e.is_attempt AND (e.used_hints IS NOT NULL) AND (e.hints IS NULL))), ('time_spent_sec'::text,e.time_spent_sec,'time_spent_negative'::text,'kept'::text,(e.is_attempt AND (e.seconds < (0)::numeric) AND (e.seconds > '-2147483.6485'::numeric))), ('question_id'::text,e.question_id,'duplicate_in_exam'::text,'kept'::text,(e.is_attempt AND (e.occurrences > 1)))) a(field, value, reason, outcome, applies))
  WHERE a.applies;
`,
  attempt_numbered: String.raw`
 SELECT attempt_response.id,
    attempt_response.student_id,
    attempt_response.item_id,
    attempt_response.correct,
    attempt_response.response_time_ms,
    attempt_response.hint_used,
    attempt_response.completed_at,
    attempt_response.started_at,
    (row_number() OVER (PARTITION BY attempt_response.student_id, attempt_response.item_id ORDER BY attempt_response.completed_at, attempt_response.exam_result_id, attempt_response."position"))::integer AS attempt_no,
    attempt_response.session_id,
    attempt_response.topic_id,
    attempt_response.exam_result_id,
    attempt_response."position",
    attempt_response.answered
   FROM attempt_response;
`,
  attempt_response: String.raw`
 SELECT ((('x'::text || substr(md5((((attempt_element.exam_result_id)::text || '-'::text) || attempt_element.question_id)), 1, 16)))::bit(64))::bigint AS id,
    attempt_element.student_id,
    attempt_element.item_id,
    attempt_element.correct,
        CASE
            WHEN ((attempt_element.seconds > '-2147483.6485'::numeric) AND (attempt_element.seconds < 2147483.6475)) THEN (round((attempt_element.seconds * (1000)::numeric)))::integer
            ELSE 0
        END AS response_time_ms,
    COALESCE((attempt_element.hints > 0), false) AS hint_used,
    attempt_element.completed_at,
    (attempt_element.completed_at - ((
        CASE
            WHEN ((attempt_element.seconds > '-2147483.6485'::numeric) AND (attempt_element.seconds < 2147483.6475)) THEN (round(attempt_element.seconds))::integer
            ELSE 0
        END)::double precision * '00:00:01'::interval)) AS started_at,
    attempt_element.session_id,
    attempt_element.topic_id,
    attempt_element.exam_result_id,
    attempt_element."position",
    (COALESCE(attempt_element.is_correct_text, attempt_element.correct_text) IS NOT NULL) AS answered
   FROM attempt_element
  WHERE ((attempt_element.student_id IS NOT NULL) AND (attempt_element.completed_at >= '0002-01-01 00:00:00+00'::timestamp with time zone) AND (attempt_element.completed_at < '9999-01-01 00:00:00+00'::timestamp with time zone) AND
        CASE
            WHEN (attempt_element.fence = 1) THEN ((attempt_element.item_id IS NOT NULL) AND (attempt_element.correct IS NOT NULL))
            ELSE NULL::boolean
        END);
`,
  attempt_element: String.raw`
 WITH exam AS (
         SELECT attempt_exam.exam_result_id,
            attempt_exam.session_id,
            attempt_exam.user_id,
            attempt_exam.student_id,
            attempt_exam.completed_at,
                CASE
                    WHEN (jsonb_typeof(attempt_exam.questions) = 'array'::text) THEN attempt_exam.questions
                    ELSE '[]'::jsonb
                END AS questions,
            generate_series(1, 1) AS fence
           FROM attempt_exam
        ), element AS (
         SELECT exam.exam_result_id,
            exam.session_id,
            exam.user_id,
            exam.student_id,
            exam.completed_at,
            jsonb_array_elements(exam.questions) AS element,
            generate_series(1, jsonb_array_length(exam.questions)) AS "position"
           FROM exam
        ), field AS (
         SELECT element.exam_result_id,
            element.session_id,
            element.user_id,
            element.student_id,
            element.completed_at,
            element."position",
            (element.element ->> 'question_id'::text) AS question_id,
            (element.element ->> 'is_correct'::text) AS is_correct_text,
            (element.element ->> 'correct'::text) AS correct_text,
            COALESCE((element.element ->> 'is_correct'::text), (element.element ->> 'correct'::text)) AS correctness,
            (element.element ->> 'time_spent_sec'::text) AS time_spent_sec,
            (element.element ->> 'used_hints'::text) AS used_hints,
            NULLIF((element.element ->> 'topic'::text), ''::text) AS topic_id,
            generate_series(1, 1) AS fence
           FROM element
        )
 SELECT field.exam_result_id,
    field.session_id,
    field.user_id,
    field.student_id,
    field.completed_at,
    field."position",
    field.question_id,
    field.is_correct_text,
    field.correct_text,
    field.time_spent_sec,
    field.used_hints,
    field.topic_id,
        CASE
            WHEN ((length(field.question_id) < 19) AND (field.question_id ~ '^[0-9]+$'::text)) THEN (field.question_id)::bigint
            WHEN (field.question_id ~ '^[ \t\n\v\f\r]*[+-]?0*[0-9]{1,19}[ \t\n\v\f\r]*$'::text) THEN
            CASE
                WHEN (((field.question_id)::numeric >= ('-9223372036854775808'::bigint)::numeric) AND ((field.question_id)::numeric <= ('9223372036854775807'::bigint)::numeric)) THEN (field.question_id)::bigint
                ELSE NULL::bigint
            END
            ELSE NULL::bigint
        END AS item_id,
        CASE field.correctness
            WHEN 'true'::text THEN true
            WHEN 'false'::text THEN false
            ELSE
            CASE
                WHEN (field.correctness IS NULL) THEN false
                WHEN (field.correctness ~* '^[ \t\n\v\f\r]*(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)[ \t\n\v\f\r]*$'::text) THEN (field.correctness)::boolean
                ELSE NULL::boolean
            END
        END AS correct,
        CASE
            WHEN ((length(field.time_spent_sec) < 10) AND (field.time_spent_sec ~ '^[0-9]+(\.[0-9]+)?$'::text)) THEN (field.time_spent_sec)::numeric
            WHEN ((length(field.time_spent_sec) <= 1000) AND (field.time_spent_sec ~ '^[ \t\n\v\f\r]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?0*[0-9]{1,3})?[ \t\n\v\f\r]*$'::text)) THEN (field.time_spent_sec)::numeric
            ELSE NULL::numeric
        END AS seconds,
        CASE field.used_hints
            WHEN '0'::text THEN 0
            WHEN '1'::text THEN 1
            ELSE
            CASE
                WHEN (field.used_hints ~ '^[ \t\n\v\f\r]*[+-]?0*[0-9]{1,10}[ \t\n\v\f\r]*$'::text) THEN
                CASE
                    WHEN (((field.used_hints)::numeric >= ('-2147483648'::integer)::numeric) AND ((field.used_hints)::numeric <= (2147483647)::numeric)) THEN (field.used_hints)::integer
                    ELSE NULL::integer
                END
                ELSE NULL::integer
            END
        END AS hints,
    generate_series(1, 1) AS fence
   FROM field;
`,
  attempt_exam: String.raw`
 SELECT r.id AS exam_result_id,
    r.session_id,
    r.user_id,
        CASE
            WHEN ((length(r.user_id) = 36) AND (r.user_id ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$'::text)) THEN (r.user_id)::uuid
            ELSE (md5(r.user_id))::uuid
        END AS student_id,
    COALESCE(r.updated_at, r.created_at) AS completed_at,
    (r.result_json -> 'questions'::text) AS questions
   FROM exam_results r;
`,
  'attempt_student_id(text)': String.raw`
CREATE OR REPLACE FUNCTION attempt_student_id(user_id text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((length(user_id) = 36) AND (user_id ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$'::text)) THEN (user_id)::uuid ELSE (md5(user_id))::uuid END
`,
}
