/** Compares the rows that the deployed definition gives with the golden rows, case by case. */
import type { Contract } from './contract.js'
import type { GoldenCase, GoldenRow } from './golden/types.js'
import { type Check, checkResult } from './report.js'

/**
 * Rows by the property of the golden case that their exam belongs to. Rows of no golden exam go to the case of the
 * session column, or to the first, so that they are reported as unexpected.
 */
export function rowsByProperty(contract: Contract, rows: readonly GoldenRow[]): Map<string, GoldenRow[]> {
  const sessionAt = contract.columns.findIndex((column) => column.name === contract.sessionColumn)
  const propertyOf = new Map(contract.golden.flatMap((one) => one.exams.map((exam) => [exam.session_id, one.property])))
  const unknown = contract.golden.find(({ property }) => property === contract.sessionColumn) ?? contract.golden[0]
  const byProperty = new Map<string, GoldenRow[]>()
  for (const row of rows) {
    const session = row[sessionAt] ?? undefined
    const property = (session === undefined ? undefined : propertyOf.get(session)) ?? unknown?.property ?? ''
    const list = byProperty.get(property)
    if (list === undefined) byProperty.set(property, [row])
    else list.push(row)
  }
  return byProperty
}

/** The rows that are only in one of the lists, counting repetitions. */
function differences(expected: readonly GoldenRow[], actual: readonly GoldenRow[]) {
  const unmatched = new Map<string, GoldenRow[]>()
  for (const row of expected) {
    const key = JSON.stringify(row)
    const rows = unmatched.get(key)
    if (rows === undefined) unmatched.set(key, [row])
    else rows.push(row)
  }
  const unexpected = actual.filter((row) => unmatched.get(JSON.stringify(row))?.pop() === undefined)
  return { missing: [...unmatched.values()].flat(), unexpected }
}

/** Longest part of a value in the report, in characters. */
const shown = 80

/** A value as the report shows it: where it is long, the part around the first difference from `other`. */
function valueText(value: string | null, other: string | null | undefined): string {
  if (value === null) return 'null'
  const text = [...value]
  let start = 0
  if (text.length > shown && typeof other === 'string') {
    const others = [...other]
    while (start < text.length && text[start] === others[start]) start++
    start = Math.max(0, Math.min(start - shown / 4, text.length - shown))
  }
  const part = text.slice(start, start + shown).join('')
  // blanks and marks that look alike, and characters that a terminal obeys
  const escaped = part.replace(/[^\P{C}]|[^\P{Z} ]|\p{M}/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16) ?? ''}}`)
  if (text.length <= shown) return escaped
  return `${start > 0 ? '...' : ''}${escaped}${start + shown < text.length ? '...' : ''} (${text.length} characters)`
}

/** `column=value ...`; with `other` only the columns that differ, and the session. */
const rowText = (contract: Contract, row: GoldenRow, other?: GoldenRow) =>
  contract.columns
    .map(({ name }, at) => ({ name, at }))
    .filter(({ name, at }) => other === undefined || name === contract.sessionColumn || row[at] !== other[at])
    .map(({ name, at }) => `${name}=${valueText(row[at] ?? null, other?.[at])}`)
    .join(' ')

/**
 * Compares the rows of one case.
 * @param settings the session settings that the rows were read under
 */
export function compareRows(
  contract: Contract,
  golden: GoldenCase,
  rows: readonly GoldenRow[],
  settings: string,
): Check {
  const name = `golden:${golden.property}`
  const { missing, unexpected } = differences(golden.rows, rows)
  if (missing.length === 0 && unexpected.length === 0)
    return checkResult(name, 'pass', `${golden.rows.length} rows`, `${rows.length} rows`, golden.why)
  const [first] = missing
  const difference = (row: GoldenRow) => row.filter((text, at) => text !== first?.[at]).length
  const [nearest] = [...unexpected].sort((a, b) => difference(a) - difference(b))
  return checkResult(
    name,
    'fail',
    first === undefined ? `no row ${rowText(contract, nearest ?? [])}` : rowText(contract, first, nearest),
    nearest === undefined ? 'no such row' : rowText(contract, nearest, first),
    `${golden.why} (${missing.length} rows missing, ${unexpected.length} unexpected, ${settings})`,
  )
}
