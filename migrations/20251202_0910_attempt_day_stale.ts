/**
 * A day's KPIs cost what the day holds, and a batch of exams must not: it marks the days that it touches, and they are
 * computed beside. Until then, their KPIs are read from the rows.
 */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table attempt_day add column stale boolean not null default false').execute(db)
  await sql
    .raw(`comment on column attempt_day.stale is 'the rows of attempt_topic_day are not those of the day any more'`)
    .execute(db)
  await sql.raw('create index attempt_day_stale_idx on attempt_day (date) where stale').execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table attempt_day drop column stale').execute(db)
}
