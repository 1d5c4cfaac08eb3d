/** KPIs per topic and day. The store has those of UTC days, except of days that changed since they were computed. */
import { sql, type RawBuilder } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { columnsOf, referenceTo, relation } from '../relations.js'
import { selectAggregates, withDay, type AggregateQuery } from './aggregates.js'
import { and, attemptConditions, dayIn, inDays, inRange, or, type Condition, type Days } from './filters.js'
import { isAfter, keyList } from './keyset.js'
import { firstColumn, type PageRequest, type StatementSequence } from './paging.js'

const topicDay = columnsOf<'attempt_topic_day'>()
const day = columnsOf<'attempt_day'>()
const attempt = columnsOf<'attempt_materialized'>()
const date = topicDay('date')

/** @param query groups by day and topic, with measures that the store keeps */
export async function* selectTopicDays(
  reader: Reader,
  query: AggregateQuery & { days: Days },
  request: PageRequest,
): StatementSequence {
  if (!reader.store || query.days.zone !== 'UTC') {
    yield* selectAggregates(reader, query, request)
    return
  }
  const { groups, measures } = query
  const after = request.after?.[0]
  const days = inDays(after === undefined ? query.days : { ...query.days, since: after }, date)
  const topics = attemptConditions(query.topics === undefined ? {} : { topics: query.topics })
  const stale = await staleDays(reader, days)
  const key = groups.flatMap((group) => group.key)
  const names = [...groups, ...measures].map(({ name }) => referenceTo(name))
  const afterCursor = request.after === undefined ? [] : [isAfter(key, request.after)]
  const rows =
    stale.length === 0
      ? relation('attempt_topic_day')
      : sql`(select ${sql.join(names)} from ${relation('attempt_topic_day')}
where ${and([...days, ...topics, sql<boolean>`${date} <> all(${stale}::date[])`])}
union all
${computed(query, topics, stale)}) as topic_day`
  yield statement(
    sql`select ${sql.join([...names, ...(request.withKey ? [keyList(key)] : [])])}
from ${rows}
where ${and([...days, ...topics, ...afterCursor])}
order by ${keyList(key)}
limit ${request.limit ?? null}::bigint`,
    // the text depends on the runs of stale days
    { prepared: stale.length === 0 },
  )
}

/** The days with a row that changed since their KPIs were computed. */
async function staleDays(reader: Reader, days: readonly Condition[]): Promise<string[]> {
  return firstColumn(
    await reader.rows(
      statement(sql`select ${day('date')}::text as day
from ${relation('attempt_day')}
where ${and([day('stale'), ...days])}
order by ${day('date')}`),
    ),
  )
}

/** SQL: the KPIs of these days, computed from the store's attempts. */
function computed(
  { measures }: AggregateQuery,
  topics: readonly Condition[],
  days: readonly string[],
): RawBuilder<unknown> {
  // one condition per run of consecutive days, so that PostgreSQL uses the index for each run
  const runs = runsOfDays(days).map(({ since, until }) =>
    and(inRange({ since: `${since}T00:00:00Z`, until: `${until}T00:00:00Z` })),
  )
  const rows = sql`${relation('attempt_materialized')} where ${or(runs)}`
  const topic = topicDay('topic_id')
  const named = measures.map((measure) => sql`${measure.sql} as ${referenceTo(measure.name)}`)
  return sql`select ${sql.join([date, topic, ...named])}
from ${withDay(rows, dayIn('UTC', attempt('completed_at')))}
where ${and([...topics, sql<boolean>`${date} = any(${days}::date[])`])}
group by ${date}, ${topic}`
}

/** Merges consecutive days of an ordered list into half-open ranges. */
function runsOfDays(days: readonly string[]): { since: string; until: string }[] {
  const runs: { since: string; until: string }[] = []
  for (const day of days) {
    const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
    const run = runs.at(-1)
    if (run?.until === day) run.until = next
    else runs.push({ since: day, until: next })
  }
  return runs
}
