/** How the contract reads texts: integers, decimals, booleans and ids. Exact: BigInt and strings, never a double. */
import { createHash } from 'node:crypto'

const blanksAround = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g

/** The integer that a text spells; undefined where it is not one, or has more bits. */
export function integer(text: string, bits: bigint): bigint | undefined {
  const bare = text.replace(blanksAround, '')
  if (!/^[+-]?[0-9]+$/.test(bare)) return undefined
  const digits = bare.replace(/^[+-]/, '').replace(/^0+(?=.)/, '')
  if (digits.length > 20) return undefined
  const value = bare.startsWith('-') ? -BigInt(digits) : BigInt(digits)
  const limit = 1n << (bits - 1n)
  return value >= -limit && value < limit ? value : undefined
}

/** units / 10^scale */
export interface Decimal {
  units: bigint
  scale: bigint
}

/** The number that a text spells; undefined where it is not one, is too long, or has too large an exponent. */
export function decimal(text: string): Decimal | undefined {
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
export function rounded({ units, scale }: Decimal, factor: bigint): bigint {
  const divisor = 10n ** scale
  const scaled = units * factor
  const size = scaled < 0n ? -scaled : scaled
  const whole = (2n * size + divisor) / (2n * divisor)
  return scaled < 0n ? -whole : whole
}

/** PostgreSQL's reading of a boolean: every unique prefix, so `o` alone is not one. */
export function boolean(text: string): boolean | undefined {
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
