/**
 * Change tokens of /v1/changes: how far a client has read. Tokens are opaque to clients, and their format has a number.
 * A token has the version of the snapshot that was read last, and the epoch in which the store assigned that version.
 * If the response ended before the snapshot did, the token also has the position of the last row.
 */
import { invalid } from '../errors.js'

/** Version, student_id, item_id and attempt_no of a change: its position in the change feed. */
export type ChangePosition = [version: string, student: string, item: string, attempt: string]

export interface ChangeToken {
  epoch: string
  /** The version of the snapshot. Without `position`, every change up to it was returned. */
  version: string
  position?: ChangePosition | undefined
}

const format = 1
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** The form of each value of a token, checked because the values are used in a statement; `bits` for integers. */
const forms: { pattern: RegExp; bits?: number }[] = [
  { pattern: uuid },
  { pattern: /^\d{1,19}$/, bits: 64 },
  { pattern: /^\d{1,19}$/, bits: 64 },
  { pattern: uuid },
  { pattern: /^-?\d{1,19}$/, bits: 64 },
  { pattern: /^\d{1,10}$/, bits: 32 },
]

function hasForm(value: unknown, index: number): value is string {
  const form = forms[index]
  if (typeof value !== 'string' || form?.pattern.test(value) !== true) return false
  return form.bits === undefined || BigInt.asIntN(form.bits, BigInt(value)) === BigInt(value)
}

export const encodeToken = ({ epoch, version, position }: ChangeToken): string =>
  Buffer.from(JSON.stringify([format, epoch, version, ...(position ?? [])])).toString('base64url')

function parse(text: string): unknown {
  // Buffer ignores characters that are not base64url
  if (!/^[\w-]+$/.test(text)) return undefined
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

const refuse = (reason: string) =>
  invalid(
    'since',
    `must be the next_token of an earlier response, unchanged; ${reason}. Without since, a response has a first token`,
  )

/** @throws ApiError invalid_parameter */
export function decodeToken(text: string): ChangeToken {
  const parsed = parse(text)
  const excerpt = text.length > 40 ? `${text.slice(0, 40)}...` : text
  if (!Array.isArray(parsed)) throw refuse(`got "${excerpt}"`)
  const [tokenFormat, ...values]: unknown[] = parsed
  if (tokenFormat !== format) throw refuse('this token has a format that this release does not know')
  if (!values.every(hasForm)) throw refuse('this token is damaged')
  const [epoch, version, ...position] = values
  if (epoch === undefined || version === undefined) throw refuse('this token is damaged')
  if (position.length === 0) return { epoch, version }
  const [positionVersion, student, item, attempt] = position
  if (positionVersion === undefined || student === undefined || item === undefined || attempt === undefined)
    throw refuse('this token is damaged')
  return { epoch, version, position: [positionVersion, student, item, attempt] }
}
