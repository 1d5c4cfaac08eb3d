/** Golden rows: completed_at and started_at at any place in the calendar. */
import { instant, instantText, second } from '../../reference/instants.js'
import type { GoldenCase, GoldenExam } from '../types.js'
import { element, examId, generatedCase, pick, questions, seededRandom } from './generated-case.js'

const at = (text: string): bigint => {
  const time = instant(text)
  if (typeof time !== 'bigint') throw new Error(`${text} is not a finite time`)
  return time
}
const twoDigits = (value: number) => String(value).padStart(2, '0')

const times: bigint[] = [
  // every hour of the days on which zones of Europe, America and Australia change their offset, and of one other day
  ...['2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01', '2026-04-05', '2026-06-17'].flatMap((day) =>
    Array.from({ length: 24 }, (_, hour) => at(`${day}T${twoDigits(hour)}:${twoDigits((hour * 7) % 60)}:00Z`)),
  ),
  // the first and last moment of each month, and each day of two weeks
  ...Array.from({ length: 12 }, (_, month) => at(`2027-${twoDigits(month + 1)}-01T00:00:00Z`)).flatMap((start) => [
    start - 1n,
    start,
  ]),
  ...Array.from({ length: 14 }, (_, day) => at(`2026-08-${twoDigits(day + 1)}T12:34:56.789012Z`)),
  // years of every size, leap days, and the limits of other systems
  ...[
    2, 3, 9, 10, 99, 100, 101, 999, 1000, 1582, 1600, 1752, 1899, 1900, 1901, 1969, 1970, 1971, 1999, 2000, 2001, 2010,
  ].flatMap((year) => [at(`${String(year).padStart(4, '0')}-07-04T05:06:07.5Z`)]),
  ...Array.from({ length: 30 }, (_, year) => at(`${2011 + year}-02-28T23:59:59.999999Z`)),
  ...[2050, 2099, 2100, 2200, 2261, 2262, 2400, 2999, 3000, 4999, 5000, 9000, 9997, 9998].map((year) =>
    at(`${year}-12-31T23:59:59.999999Z`),
  ),
  ...['2024-02-29', '2000-02-29', '1900-02-28', '2028-02-29', '2038-01-19', '2036-02-07', '1970-01-01'].map((day) =>
    at(`${day}T03:14:07.000001Z`),
  ),
  // parts of a second
  ...['1', '01', '001', '0001', '00001', '000001', '5', '499999', '500000', '500001', '9', '99', '999', '999999'].map(
    (part) => at(`2026-05-05T05:05:05.${part}Z`),
  ),
]

export function calendarCase(): GoldenCase {
  const random = seededRandom(31)
  const first = '00a30001'
  const exams = times.map((time, index): GoldenExam => {
    const text = instantText(time)
    // the time comes from updated_at or, without one, from created_at; the other is earlier, later or the same
    const other = pick(random, [0n, 1n, -1n, 3600n, -86_400n, 31_536_000n]) * second + time
    const updated = index % 3 !== 0
    return {
      id: examId(first, (index * 7919) % 10_007),
      session_id: `calendar ${index}`,
      user_id: `calendar student ${index % 5}`,
      result_json: questions([
        element({
          question_id: String(1 + (index % 2)),
          is_correct: pick(random, ['true', 'false']),
          time_spent_sec: pick(random, ['0.5', '1.4999', '59', '3600', '86399.5', '-7', '7776000', undefined]),
        }),
      ]),
      created_at: updated ? instantText(other) : text,
      updated_at: updated ? text : null,
    }
  })
  return generatedCase('calendar', 'a time at any place of the calendar counts and stays as it is', exams)
}
