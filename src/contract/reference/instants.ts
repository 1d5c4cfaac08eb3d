/** Instants in microseconds, and the proleptic Gregorian calendar, written without PostgreSQL. */

/** Microseconds. */
export const second = 1_000_000n
const day = 86_400n * second

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar; year 0 is 1 BC. */
function daysOf(year: number, month: number, date: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const ofEra = y - era * 400
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + date - 1
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468
}

function dateOf(days: number): [year: number, month: number, date: number] {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const ofEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const m = Math.floor((5 * ofYear + 2) / 153)
  const month = m < 10 ? m + 3 : m - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - Math.floor((153 * m + 2) / 5) + 1]
}

export type Instant = bigint | 'infinity' | '-infinity'

/** Microseconds since 1970 of a time's text. */
export function instant(text: string): Instant {
  if (text === 'infinity' || text === '-infinity') return text
  const parts = /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z( BC)?$/.exec(text)
  if (parts === null) throw new Error(`not a time that the reference can read: ${text}`)
  const [year, month, date, hours, minutes, seconds] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const days = daysOf(parts[8] === undefined ? year : 1 - year, month, date)
  return (
    BigInt(days) * day +
    BigInt(hours * 3600 + minutes * 60 + seconds) * second +
    BigInt((parts[7] ?? '').padEnd(6, '0'))
  )
}

/** The text of a time: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, ` BC` behind it where it belongs. */
export function instantText(time: Instant): string {
  if (typeof time === 'string') return time
  const ofDay = ((time % day) + day) % day
  const [year, month, date] = dateOf(Number((time - ofDay) / day))
  const two = (n: bigint | number) => String(n).padStart(2, '0')
  const seconds = ofDay / second
  const fraction = String(ofDay % second).padStart(6, '0')
  return (
    `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(month)}-${two(date)}` +
    `T${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${fraction}Z` +
    (year > 0 ? '' : ' BC')
  )
}
