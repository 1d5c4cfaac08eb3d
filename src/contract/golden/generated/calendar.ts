/** Golden rows: completed_at and started_at at any place in the calendar. */
import { instant, instantText, second } from '../../reference/instants.js'
import type { GoldenCase, GoldenExam } from '../types.js'
import { answer, element, examId, generatedCase, pick, questions, richTexts, seededRandom } from './generated-case.js'

const at = (text: string): bigint => {
  const time = instant(text)
  if (typeof time !== 'bigint') throw new Error(`${text} is not a finite time`)
  return time
}
const padded = (value: number, length = 2) => String(value).padStart(length, '0')
const hour = 3600n * second

/** Years of every size, and around the limits of other systems. */
// prettier-ignore
const years = [
  2, 3, 9, 10, 99, 100, 101, 500, 999, 1000, 1500, 1582, 1583, 1752, 1899, 1900, 1901, 1910, 1938, 1950, 1960, 1969, 1970,
  1971, 1980, 1985, 1990, 1995, 1999, 2000, 2001, 2005, 2010, 2015, 2020, 2023, 2025, 2027, 2030, 2035, 2036, 2038, 2039,
  2045, 2050, 2060, 2070, 2080, 2099, 2100, 2101, 2150, 2200, 2261, 2262, 2263, 2500, 2999, 3000, 4000, 5000, 7000, 8000,
  9000, 9500, 9997, 9998,
]

const times = (): bigint[] => [
  // every day of a leap year; each minute and second six times, each hour fifteen times
  ...Array.from(
    { length: 366 },
    (_, day) =>
      at('2028-01-01T00:00:00Z') +
      BigInt(day * 24 + ((day * 7) % 24)) * hour +
      BigInt(((day * 11) % 60) * 60 + ((day * 13) % 60)) * second +
      BigInt(day % 3 === 0 ? day * 2731 : 0),
  ),
  // every hour of days on which zones of Europe and America change their offset
  ...['2026-03-29', '2026-11-01'].flatMap((day) =>
    Array.from({ length: 24 }, (_, of) => at(`${day}T${padded(of)}:${padded((of * 7) % 60)}:00Z`)),
  ),
  // the first and last moment of each month
  ...Array.from({ length: 12 }, (_, month) => at(`2027-${padded(month + 1)}-01T00:00:00Z`)).flatMap((start) => [
    start - 1n,
    start,
  ]),
  ...years.flatMap((year, index) => [
    index % 2 === 0
      ? at(`${padded(year, 4)}-${padded(1 + (index % 12))}-04T05:06:07.500008Z`)
      : at(`${padded(year, 4)}-12-31T23:59:59.999999Z`),
  ]),
  // parts of a second
  ...['1', '01', '001', '0001', '00001', '000001', '5', '499999', '500001', '9', '999', '123456'].map((part) =>
    at(`2026-05-05T05:05:05.${part}Z`),
  ),
]

export function calendarCase(): GoldenCase {
  const property = 'calendar'
  const random = seededRandom(31)
  const exams = times().map((time, index): GoldenExam => {
    const text = instantText(time)
    // the time comes from updated_at or, without one, from created_at; the other is earlier, later or the same
    const other = pick(random, [0n, 1n, -1n, 3600n, -86_400n, 31_536_000n]) * second + time
    const updated = index % 3 !== 0
    return {
      id: examId(property, index),
      session_id: `${property} ${index} ${pick(random, richTexts)}`,
      user_id: `calendar student ${index % 5}`,
      result_json: questions([
        element({ question_id: String(index % 2 === 0 ? 7 : -8), ...answer(random, Math.floor(random() * 1000)) }),
      ]),
      created_at: updated ? instantText(other) : text,
      updated_at: updated ? text : null,
    }
  })
  return generatedCase(property, 'a time at any place of the calendar counts and stays as it is', exams)
}
