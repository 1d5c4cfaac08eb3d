/** Time zones: the names that Node (for today's date) and PostgreSQL (for the rows) read as the same zone. */
import { invalid, quoted } from '../errors.js'

/**
 * Names of the IANA database that PostgreSQL reads otherwise: as an abbreviation with a fixed offset (CET is +1 all
 * year) or, where the server has no legacy names, as a POSIX rule. Each stands for the zone that the IANA database
 * links it to since 2024b.
 */
const linked: Readonly<Record<string, string>> = {
  CET: 'Europe/Brussels',
  CST6CDT: 'America/Chicago',
  EET: 'Europe/Athens',
  EST: 'America/Panama',
  EST5EDT: 'America/New_York',
  HST: 'Pacific/Honolulu',
  MET: 'Europe/Brussels',
  MST: 'America/Phoenix',
  MST7MDT: 'America/Denver',
  PST8PDT: 'America/Los_Angeles',
  WET: 'Europe/Lisbon',
}

/** The other IANA names without an area. ICU takes more words (IST, PST), which are abbreviations. */
const words = new Set(
  (
    'CUBA EGYPT EIRE GB GB-EIRE GMT GMT+0 GMT-0 GMT0 GREENWICH HONGKONG ICELAND IRAN ISRAEL JAMAICA JAPAN KWAJALEIN ' +
    'LIBYA NAVAJO NZ NZ-CHAT POLAND PORTUGAL PRC ROC ROK SINGAPORE TURKEY UCT UNIVERSAL UTC W-SU ZULU'
  ).split(' '),
)
/** Beside these areas, ICU knows SystemV/EST5, and PostgreSQL posix/Asia/Seoul. */
const areas = new Set(
  (
    'AFRICA AMERICA ANTARCTICA ARCTIC ASIA ATLANTIC AUSTRALIA BRAZIL CANADA CHILE ETC EUROPE INDIAN MEXICO PACIFIC ' +
    'US'
  ).split(' '),
)

/** A 400 for a time zone that is not known. */
export function unknownZone(value: string) {
  const message = `${quoted(value)} is not an IANA time zone. Use, for example, Asia/Seoul.`
  return invalid('tz', message, message)
}

/** By zone, as the request spells it: making one costs more than all the other checks of a request. */
const calendars = new Map<string, Intl.DateTimeFormat>()
/** More spellings than there are zones: letters of either case are accepted. */
const maxCalendars = 1_000

/** @throws RangeError where the zone is unknown */
function calendarOf(zone: string): Intl.DateTimeFormat {
  const known = calendars.get(zone)
  if (known !== undefined) return known
  const calendar = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  if (calendars.size >= maxCalendars) calendars.clear()
  calendars.set(zone, calendar)
  return calendar
}

/**
 * Checks an IANA time zone. PostgreSQL would accept abbreviations and POSIX rules as well.
 * @returns the name to use, which both readers understand alike
 */
export function checkZone(value = 'UTC'): string {
  const upper = value.toUpperCase()
  const zone = linked[upper] ?? value
  const [area = '', place] = upper.split('/', 2)
  if (zone === value && !(place === undefined ? words : areas).has(area)) throw unknownZone(value)
  try {
    calendarOf(zone)
    return zone
  } catch {
    throw unknownZone(value)
  }
}

/** Today in a zone, as YYYY-MM-DD, moved by days. */
export function today(zone: string, move: number): string {
  const local = calendarOf(zone).format(new Date())
  return new Date(Date.parse(`${local}T00:00:00Z`) + move * 86_400_000).toISOString().slice(0, 10)
}

/** Whether a checked timestamp is the first instant of a day in a zone. */
export function isStartOfDay(timestamp: string, zone: string): boolean {
  const calendar = calendarOf(zone)
  const ms = Date.parse(timestamp)
  // Date has milliseconds only
  return !/\.\d*[1-9]/.test(timestamp) && calendar.format(ms) !== calendar.format(ms - 1)
}
