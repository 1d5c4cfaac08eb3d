/** The table exam_results as the exam platform makes it: for the embedded database and tests, never for production. */
export const createExamResults = `
create table if not exists exam_results (
  id uuid primary key default gen_random_uuid(),
  session_id text unique not null,
  user_id text,
  exam_id integer,
  org_id integer,
  status text not null default 'ready',
  result_json jsonb not null,
  score_raw numeric,
  score_scaled numeric,
  standard_error numeric,
  percentile numeric,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists ix_exam_results_user_exam on exam_results (user_id, exam_id);
create index if not exists ix_exam_results_org on exam_results (org_id);
create index if not exists ix_exam_results_result_json on exam_results using gin (result_json);
`
