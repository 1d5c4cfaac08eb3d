/**
 * The V1 law once more, in TypeScript: exam results in, rows of `attempt` and `attempt_anomaly` out. Written from the
 * law's text and not from the SQL, so that the two can be held against each other. Exact throughout: BigInt and decimal
 * strings, never a double.
 */
import { createHash } from 'node:crypto'

/** A row of exam_results as the law reads it; `resultJson` is JSON text, so that the spelling of numbers counts. */
export interface Exam {
  id: string
  sessionId: string
  userId: string | null
  resultJson: string
  /** `YYYY-MM-DDTHH:MM:SS[.f]Z`, ` BC` behind it, `infinity`, `-infinity` or null. */
  createdAt: string | null
  updatedAt: string | null
}

/** The eleven columns of `attempt` as text. */
export interface AttemptRow {
  id: string
  student_id: string
  item_id: string
  correct: string
  response_time_ms: string
  hint_used: string
  completed_at: string
  started_at: string
  attempt_no: string
  session_id: string
  topic_id: string | null
}

/** The nine columns of `attempt_anomaly` as text. */
export interface AnomalyRow {
  exam_result_id: string
  session_id: string
  user_id: string | null
  position: string | null
  question_id: string | null
  field: string
  value: string | null
  reason: string
  outcome: string
}

/** A JSON value as jsonb keeps it: numbers by their decimal text, objects with the last of equal keys. */
export type Json =
  | { kind: 'null' }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'number'; text: string }
  | { kind: 'string'; value: string }
  | { kind: 'array'; items: Json[] }
  | { kind: 'object'; fields: Map<string, Json> }

/** The decimal text jsonb keeps of a JSON number: no exponent, trailing zeros kept, no negative zero. */
export function numberText(literal: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal)
  if (parts === null) throw new Error(`no JSON number: ${literal}`)
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const shift = Number(exponent)
  let digits = whole + fraction
  let point = whole.length + shift
  if (point > digits.length) digits += '0'.repeat(point - digits.length)
  if (point < 0) {
    digits = '0'.repeat(-point) + digits
    point = 0
  }
  const integer = digits.slice(0, point).replace(/^0+/, '') || '0'
  // A positive exponent eats decimals, so 1.50e1 keeps one of its two.
  const decimals = digits.slice(point)
  const zero = /^0*$/.test(digits)
  return (zero ? '' : sign) + integer + (decimals === '' ? '' : `.${decimals}`)
}

/** Reads JSON text the way jsonb does. */
export function parseJson(text: string): Json {
  let at = 0
  const blanks = () => {
    while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++
  }
  const take = (token: string) => {
    if (!text.startsWith(token, at)) throw new Error(`JSON: ${token} expected at ${at}`)
    at += token.length
  }
  const string = (): string => {
    const start = at
    take('"')
    while (text.charAt(at) !== '"') {
      if (at >= text.length) throw new Error('JSON: string without an end')
      at += text.charAt(at) === '\\' ? 2 : 1
    }
    at++
    return JSON.parse(text.slice(start, at)) as string
  }
  const value = (): Json => {
    blanks()
    switch (text.charAt(at)) {
      case '{': {
        const fields = new Map<string, Json>()
        take('{')
        blanks()
        while (text.charAt(at) !== '}') {
          if (fields.size > 0) take(',')
          blanks()
          const key = string()
          blanks()
          take(':')
          fields.set(key, value())
          blanks()
        }
        take('}')
        return { kind: 'object', fields }
      }
      case '[': {
        const items: Json[] = []
        take('[')
        blanks()
        while (text.charAt(at) !== ']') {
          if (items.length > 0) take(',')
          items.push(value())
          blanks()
        }
        take(']')
        return { kind: 'array', items }
      }
      case '"':
        return { kind: 'string', value: string() }
      case 't':
        take('true')
        return { kind: 'boolean', value: true }
      case 'f':
        take('false')
        return { kind: 'boolean', value: false }
      case 'n':
        take('null')
        return { kind: 'null' }
      default: {
        const number = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y
        number.lastIndex = at
        const found = number.exec(text)
        if (found === null) throw new Error(`JSON: value expected at ${at}`)
        at += found[0].length
        return { kind: 'number', text: numberText(found[0]) }
      }
    }
  }
  const whole = value()
  blanks()
  if (at !== text.length) throw new Error(`JSON: end expected at ${at}`)
  return whole
}

const escapes: Record<string, string> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
}

function quoted(text: string): string {
  return `"${text.replace(/[\u0000-\u001f"\\]/g, (c) => escapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
}

/** jsonb orders keys by their length in bytes, then by bytes. */
function byKey([a]: [string, Json], [b]: [string, Json]): number {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length - y.length || Buffer.compare(x, y)
}

function jsonbText(json: Json): string {
  switch (json.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(json.value)
    case 'number':
      return json.text
    case 'string':
      return quoted(json.value)
    case 'array':
      return `[${json.items.map(jsonbText).join(', ')}]`
    case 'object':
      return `{${[...json.fields]
        .sort(byKey)
        .map(([key, field]) => `${quoted(key)}: ${jsonbText(field)}`)
        .join(', ')}}`
  }
}

/** What `#>> '{}'` gives: strings without quotes, JSON null as null. */
function textOf(json: Json | undefined): string | null {
  if (json === undefined || json.kind === 'null') return null
  return json.kind === 'string' ? json.value : jsonbText(json)
}

/** What `->>` gives; null where the value is no object or has no such field. */
function fieldText(json: Json, field: string): string | null {
  return json.kind === 'object' ? textOf(json.fields.get(field)) : null
}

const blanksAround = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g

/** The integer a text spells, or undefined where it spells none within the bits. */
function integer(text: string, bits: bigint): bigint | undefined {
  const bare = text.replace(blanksAround, '')
  if (!/^[+-]?[0-9]+$/.test(bare)) return undefined
  const digits = bare.replace(/^[+-]/, '').replace(/^0+(?=.)/, '')
  if (digits.length > 20) return undefined
  const value = bare.startsWith('-') ? -BigInt(digits) : BigInt(digits)
  const limit = 1n << (bits - 1n)
  return value >= -limit && value < limit ? value : undefined
}

/** units / 10^scale */
interface Decimal {
  units: bigint
  scale: bigint
}

function decimal(text: string): Decimal | undefined {
  if (text.length > 1000) return undefined
  const parts = /^([+-]?)([0-9]*)(\.?)([0-9]*)(?:[eE]([+-]?[0-9]+))?$/.exec(text.replace(blanksAround, ''))
  if (parts === null) return undefined
  const [, sign, whole = '', , fraction = '', exponent = '0'] = parts
  if (whole === '' && fraction === '') return undefined
  const power = BigInt(exponent.replace(/^\+/, '').replace(/^-/, ''))
  if (power > 999n) return undefined
  const units = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n)
  const scale = BigInt(fraction.length) - (exponent.startsWith('-') ? -power : power)
  return scale >= 0n ? { units, scale } : { units: units * 10n ** -scale, scale: 0n }
}

/** round(x * factor), half away from zero. */
function rounded({ units, scale }: Decimal, factor: bigint): bigint {
  const divisor = 10n ** scale
  const scaled = units * factor
  const size = scaled < 0n ? -scaled : scaled
  const whole = (2n * size + divisor) / (2n * divisor)
  return scaled < 0n ? -whole : whole
}

/** PostgreSQL's reading of a boolean: every unique prefix, so `o` alone is none. */
function boolean(text: string): boolean | undefined {
  const word = text.replace(blanksAround, '')
  if (!/^[a-zA-Z01]+$/.test(word)) return undefined
  const bare = word.toLowerCase()
  if (bare === '1' || bare === 'on' || 'true'.startsWith(bare) || 'yes'.startsWith(bare)) return true
  if (bare === '0' || bare === 'of' || bare === 'off' || 'false'.startsWith(bare) || 'no'.startsWith(bare)) return false
  return undefined
}

const md5 = (text: string) => createHash('md5').update(text, 'utf8').digest('hex')
const grouped = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** Column `id` of an answer. */
export function attemptId(examResultId: string, questionId: string): string {
  return BigInt.asIntN(64, BigInt(`0x${md5(`${examResultId}-${questionId}`).slice(0, 16)}`)).toString()
}

/** Column `student_id` of a user. */
export function studentId(userId: string): string {
  if (/^[0-9a-fA-F-]{36}$/.test(userId)) {
    const groups = userId.split('-')
    const digits = groups.join('')
    if (digits.length === 32 && groups.every((group) => group.length > 0 && group.length % 4 === 0))
      return grouped(digits.toLowerCase())
  }
  return grouped(md5(userId))
}

const second = 1_000_000n
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

type Instant = bigint | 'infinity' | '-infinity'

/** Microseconds since 1970 of a time's text. */
export function instant(text: string): Instant {
  if (text === 'infinity' || text === '-infinity') return text
  const parts = /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z( BC)?$/.exec(text)
  if (parts === null) throw new Error(`no time this law can read: ${text}`)
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
  return (
    `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(month)}-${two(date)}` +
    `T${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${String(ofDay % second).padStart(6, '0')}Z` +
    (year > 0 ? '' : ' BC')
  )
}

const earliest = instant('0002-01-01T00:00:00Z') as bigint
const latest = instant('9998-12-31T23:59:59.999999Z') as bigint

/** What the law makes of exam results; `elements` counts the elements of every array, by session. */
export function law(exams: readonly Exam[]): {
  attempts: AttemptRow[]
  anomalies: AnomalyRow[]
  elements: Map<string, number>
} {
  const anomalies: AnomalyRow[] = []
  const elements = new Map<string, number>()
  const answers: { examId: string; time: bigint; position: number; row: AttemptRow }[] = []

  for (const exam of exams) {
    const examId = exam.id.toLowerCase()
    const result = parseJson(exam.resultJson)
    const questions = result.kind === 'object' ? result.fields.get('questions') : undefined
    elements.set(exam.sessionId, questions?.kind === 'array' ? questions.items.length : 0)
    if (questions === undefined || questions.kind === 'null') continue

    const note = (
      position: number | null,
      questionId: string | null,
      field: string,
      value: string | null,
      reason: string,
      outcome: string,
    ) => {
      anomalies.push({
        exam_result_id: examId,
        session_id: exam.sessionId,
        user_id: exam.userId,
        position: position === null ? null : String(position),
        question_id: questionId,
        field,
        value,
        reason,
        outcome,
      })
    }
    if (questions.kind !== 'array') {
      note(null, null, 'questions', textOf(questions), 'questions_not_array', 'excluded')
      continue
    }

    const completedText = exam.updatedAt ?? exam.createdAt
    const completed = completedText === null ? null : instant(completedText)
    const inRange = typeof completed === 'bigint' && completed >= earliest && completed <= latest
    const occurrences = new Map<bigint, { position: number; questionId: string }[]>()

    for (const [index, element] of questions.items.entries()) {
      const position = index + 1
      const questionId = fieldText(element, 'question_id')
      const itemId = questionId === null ? undefined : integer(questionId, 64n)
      const isCorrect = fieldText(element, 'is_correct')
      const older = fieldText(element, 'correct')
      const correctness = isCorrect ?? older
      const correct = correctness === null ? false : boolean(correctness)

      if (questionId === null || questionId === '')
        note(position, questionId, 'question_id', questionId, 'question_id_missing', 'excluded')
      else if (itemId === undefined)
        note(position, questionId, 'question_id', questionId, 'question_id_invalid', 'excluded')
      if (exam.userId === null) note(position, questionId, 'user_id', null, 'user_id_missing', 'excluded')
      if (!inRange)
        note(
          position,
          questionId,
          'completed_at',
          completed === null ? null : instantText(completed),
          'completed_at_invalid',
          'excluded',
        )
      if (correct === undefined)
        note(
          position,
          questionId,
          isCorrect === null ? 'correct' : 'is_correct',
          correctness,
          'correctness_invalid',
          'excluded',
        )
      if (questionId === null || itemId === undefined || exam.userId === null || !inRange || correct === undefined)
        continue

      if (correctness === null) note(position, questionId, 'is_correct', null, 'correctness_missing', 'defaulted')

      const timeText = fieldText(element, 'time_spent_sec')
      let milliseconds = 0n
      let seconds = 0n
      if (timeText !== null && timeText !== '') {
        const spent = decimal(timeText)
        const ms = spent === undefined ? undefined : rounded(spent, 1000n)
        if (spent === undefined || ms === undefined || ms < -(2n ** 31n) || ms >= 2n ** 31n) {
          note(position, questionId, 'time_spent_sec', timeText, 'time_spent_invalid', 'defaulted')
        } else {
          milliseconds = ms
          seconds = rounded(spent, 1n)
          if (spent.units < 0n) note(position, questionId, 'time_spent_sec', timeText, 'time_spent_negative', 'kept')
        }
      }

      const hintsText = fieldText(element, 'used_hints')
      const hints = hintsText === null ? 0n : integer(hintsText, 32n)
      if (hints === undefined) note(position, questionId, 'used_hints', hintsText, 'used_hints_invalid', 'defaulted')

      const same = occurrences.get(itemId)
      if (same === undefined) occurrences.set(itemId, [{ position, questionId }])
      else same.push({ position, questionId })
      answers.push({
        examId,
        time: completed,
        position,
        row: {
          id: attemptId(examId, questionId),
          student_id: studentId(exam.userId),
          item_id: itemId.toString(),
          correct: String(correct),
          response_time_ms: milliseconds.toString(),
          hint_used: String(hints !== undefined && hints > 0n),
          completed_at: instantText(completed),
          started_at: instantText(completed - seconds * second),
          attempt_no: '',
          session_id: exam.sessionId,
          topic_id: fieldText(element, 'topic') || null,
        },
      })
    }
    for (const same of occurrences.values()) {
      if (same.length < 2) continue
      for (const { position, questionId } of same)
        note(position, questionId, 'question_id', questionId, 'duplicate_in_exam', 'kept')
    }
  }

  answers.sort(
    (a, b) =>
      (a.time < b.time ? -1 : a.time > b.time ? 1 : 0) ||
      (a.examId < b.examId ? -1 : a.examId > b.examId ? 1 : 0) ||
      a.position - b.position,
  )
  const counts = new Map<string, number>()
  for (const { row } of answers) {
    const key = `${row.student_id} ${row.item_id}`
    const number = (counts.get(key) ?? 0) + 1
    counts.set(key, number)
    row.attempt_no = String(number)
  }
  return { attempts: answers.map(({ row }) => row), anomalies, elements }
}

/** Anything that runs SQL: a pool or a client of it. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** Puts exams into exam_results; JSON goes as text, so that 1.0, 1e3 and -0 arrive as they are spelled. */
export async function loadExams(db: Queryable, exams: readonly Exam[]): Promise<void> {
  await db.query(
    `
    insert into exam_results (id, session_id, user_id, result_json, created_at, updated_at)
    select id, session_id, user_id, result_json::jsonb, created_at::timestamptz, updated_at::timestamptz
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      as e (id, session_id, user_id, result_json, created_at, updated_at)`,
    [
      exams.map((exam) => exam.id),
      exams.map((exam) => exam.sessionId),
      exams.map((exam) => exam.userId),
      exams.map((exam) => exam.resultJson),
      exams.map((exam) => exam.createdAt),
      exams.map((exam) => exam.updatedAt),
    ],
  )
}

const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** The rows of the view `attempt` in a database, every column as the law writes it. */
export async function attemptsOf(db: Queryable, where = 'true', values: unknown[] = []): Promise<AttemptRow[]> {
  const { rows } = await db.query(
    `
    select id::text, student_id::text, item_id::text, correct::text, response_time_ms::text, hint_used::text,
      ${utc('completed_at')} as completed_at, ${utc('started_at')} as started_at, attempt_no::text, session_id, topic_id
    from attempt where ${where}`,
    values,
  )
  return rows as AttemptRow[]
}

/** The rows of the view `attempt_anomaly` in a database. */
export async function anomaliesOf(db: Queryable, where = 'true', values: unknown[] = []): Promise<AnomalyRow[]> {
  const { rows } = await db.query(
    `
    select exam_result_id::text, session_id, user_id, position::text, question_id, field, value, reason, outcome
    from attempt_anomaly where ${where}`,
    values,
  )
  return rows as AnomalyRow[]
}

/** How two lists of rows differ as multisets, by all columns; two empty lists where they are the same. */
export function difference<Row extends object>(
  actual: readonly Row[],
  expected: readonly Row[],
): { missing: Row[]; unexpected: Row[] } {
  // Sorted by name, so that the order in which columns were written down does not matter.
  const key = (row: Row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  const open = new Map<string, Row[]>()
  for (const row of expected) {
    const same = open.get(key(row))
    if (same === undefined) open.set(key(row), [row])
    else same.push(row)
  }
  const unexpected = actual.filter((row) => open.get(key(row))?.pop() === undefined)
  return { missing: [...open.values()].flat(), unexpected }
}
