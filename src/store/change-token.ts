/**
 * Where a follower of the changes stands: opaque, versioned. It names the version of the snapshot that was read last,
 * the epoch in which the store gave that version, and the last row where the answer ended before the snapshot did.
 */
import { invalid } from '../errors.js'

/** version, student_id, item_id, attempt_no of a change: its place in the order. */
export type ChangePosition = [version: string, student: string, item: string, attempt: string]

export interface ChangeToken {
  epoch: string
  /** The version of the snapshot. Without `place` everything up to it was given. */
  version: string
  position?: ChangePosition | undefined
}

const format = 1
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const patterns = [uuid, /^\d{1,19}$/, /^\d{1,19}$/, uuid, /^-?\d{1,19}$/, /^\d{1,10}$/]
const bits = [0, 64, 64, 0, 64, 32]

export const encodeToken = ({
  epoch,
  version,
  position: place = [] as unknown as ChangePosition,
}: ChangeToken): string => Buffer.from(JSON.stringify([format, epoch, version, ...place])).toString('base64url')

/** @throws ApiError invalid_parameter */
export function decodeToken(text: string): ChangeToken {
  const refuse = (why: string) =>
    invalid('since', `${why}; take next_token from an answer as it is, or leave since out to learn where to start`)
  // Buffer passes over what is none of its digits
  if (!/^[\w-]+$/.test(text)) throw refuse('is no token')
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw refuse('is no token')
  }
  if (!Array.isArray(parsed)) throw refuse('is no token')
  if (parsed[0] !== format) throw refuse('is a token of no version that this service knows')
  const values: unknown[] = parsed.slice(1)
  // what stands in it goes into a statement
  const good = values.every(
    (value, index) =>
      typeof value === 'string' &&
      patterns[index]?.test(value) === true &&
      (bits[index] === 0 || BigInt.asIntN(bits[index] as number, BigInt(value)) === BigInt(value)),
  )
  if (!good || (values.length !== 2 && values.length !== patterns.length)) throw refuse('is a damaged token')
  const [epoch, version, ...place] = values as string[]
  return {
    epoch: epoch as string,
    version: version as string,
    position: place.length === 0 ? undefined : (place as ChangePosition),
  }
}
