/** A zone that is accepted is the same zone for ICU, which computes days here, and for PostgreSQL. */
import t from 'tap'
import { checkZone } from '../../src/schemas/time-zones.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'

/** Names that only ICU or only PostgreSQL knows, and other ways to write an offset. */
const others = [
  'ACT',
  'AET',
  'AGT',
  'ART',
  'AST',
  'BET',
  'BST',
  'CAT',
  'CNT',
  'CST',
  'CTT',
  'EAT',
  'ECT',
  'IET',
  'IST',
  'JST',
  'KST',
  'MIT',
  'NET',
  'NST',
  'PLT',
  'PNT',
  'PRT',
  'PST',
  'SST',
  'VST',
  'EDT',
  'PDT',
  'CEST',
  'MSK',
  'Z',
  'posix/Asia/Seoul',
  'right/Asia/Seoul',
  'SystemV/EST5',
  'Factory',
  'localtime',
  'UTC+3',
  'GMT+3',
  'Asia/Nowhere',
  'Asia',
  'Asia/',
  'UTC0',
  'EST5',
  'AAA+9',
  'Etc/Unknown',
  'Europe/Berlin/x',
  'DEFAULT',
]

const accepted = (name: string): string | undefined => {
  try {
    return checkZone(name)
  } catch {
    return undefined
  }
}

/** Seconds east of UTC, from the local time that ICU shows. */
function offsetsOf(zone: string, instants: readonly number[]): number[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return instants.map((instant) => {
    const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
    const local = Date.UTC(
      part['year'] ?? 0,
      (part['month'] ?? 0) - 1,
      part['day'],
      part['hour'],
      part['minute'],
      part['second'],
    )
    return (local - instant) / 1000
  })
}

/** Instants, in seconds: each day of 2019, and the last and first second around each change of an offset. */
function instantsOf(zones: readonly string[]): number[] {
  const day = 86_400
  const start = Date.UTC(2019, 0, 1) / 1000
  const days = Array.from({ length: 366 }, (_value, n) => start + n * day)
  const instants = new Set(days)
  for (const zone of zones) {
    const at = (second: number) => offsetsOf(zone, [second * 1000])[0]
    const offsets = offsetsOf(
      zone,
      days.map((second) => second * 1000),
    )
    for (const [n, offset] of offsets.entries()) {
      if (n === 0 || offset === offsets[n - 1]) continue
      let [before, after] = [days[n - 1] ?? 0, days[n] ?? 0]
      while (after - before > 1) {
        const middle = Math.floor((before + after) / 2)
        if (at(middle) === offset) after = middle
        else before = middle
      }
      instants.add(before).add(after)
    }
  }
  return [...instants].sort((a, b) => a - b)
}

// Node and PostgreSQL have their own copies of the IANA database, whose versions differ in rules of recent years:
// 2019 is the same in 2023c (Node 20.11) and in 2026f, except that 2024a corrected the past of one place
const corrected = 'Antarctica/Vostok'

t.test('every accepted name has the same offsets in ICU and in PostgreSQL, through a year', async (t) => {
  const db = await createDatabase(t)
  const { rows: listed } = await db.pool.query<{ name: string; zone: boolean }>(
    `select name, true as zone from pg_timezone_names union all select abbrev, false from pg_timezone_abbrevs`,
  )
  const candidates = [...new Set([...Intl.supportedValuesOf('timeZone'), ...listed.map(({ name }) => name), ...others])]
  const names = candidates.filter((name) => accepted(name) !== undefined)
  const zones = [...new Set(names.map((name) => checkZone(name)))].filter((zone) => zone !== corrected)
  t.ok(names.length > 500, `${names.length} names of ${candidates.length} are accepted`)
  const known = new Set(listed.filter(({ zone }) => zone).map(({ name }) => name.toLowerCase()))
  const both = zones.filter((zone) => known.has(zone.toLowerCase()))
  const instants = instantsOf(both)
  t.ok(instants.length > 420, `${instants.length} instants`)
  const { rows } = await db.pool.query<{ zone: string; offsets: number[] }>(
    `select zone, array_agg(
      extract(epoch from (at at time zone zone) - (at at time zone 'UTC'))::integer order by at) as offsets
    from unnest($1::text[]) as zone, (select to_timestamp(unnest($2::bigint[])) as at) as instants
    group by zone`,
    [both, instants],
  )
  t.equal(rows.length, both.length)
  const milliseconds = instants.map((second) => second * 1000)
  const different = rows.filter(({ zone, offsets }) => String(offsetsOf(zone, milliseconds)) !== String(offsets))
  t.strictSame(
    different.map(({ zone }) => zone),
    [],
  )
  // newer than this PostgreSQL: an error, which becomes a 400, not a POSIX rule of the same spelling
  for (const zone of zones.filter((zone) => !both.includes(zone)))
    await t.rejects(db.pool.query('select now() at time zone $1', [zone]), { code: '22023' }, zone)
})

t.test('words that are abbreviations, POSIX rules or copies of zones are refused', async (t) => {
  for (const name of others) t.equal(accepted(name), undefined, name)
  for (const name of ['CET', 'cet', 'EST5EDT', 'Etc/GMT+3', 'UTC', 'asia/seoul', 'US/Pacific', 'GB', 'W-SU'])
    t.ok(accepted(name), name)
})

t.test('CET has summer time: half past ten in the evening UTC is the next day', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('s', 'u', '{"questions": [{"question_id": 1, "is_correct": true, "topic": "a"}]}', '2025-07-15T22:30:00Z')`,
  )
  const app = await startApp(t, db.url)
  for (const [zone, date] of [
    ['CET', '2025-07-16'],
    ['MET', '2025-07-16'],
    ['EET', '2025-07-16'],
    ['WET', '2025-07-15'],
    ['UTC', '2025-07-15'],
    ['Asia/Seoul', '2025-07-16'],
  ])
    for (const path of ['topics', 'students'])
      t.match(
        (await app.inject(`/v1/${path}/daily?tz=${zone}&since=2025-07-10&until=2025-07-20`)).json(),
        { data: [{ date }] },
        `${path} ${zone}`,
      )
  t.match((await app.inject('/v1/topics/daily?tz=IST')).json(), {
    status: 400,
    detail: '"IST" is not an IANA time zone. Use, for example, Asia/Seoul.',
  })
})
