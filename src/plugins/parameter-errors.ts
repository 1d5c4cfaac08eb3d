/** From what the validator found to errors that a client can act on. */
import { editDistance } from '../config/edit-distance.js'
import { ApiError, quoted, type ParameterError } from '../errors.js'
import { expectedForm, isSchema, type ParameterSchema } from '../schemas/expected-form.js'

/** What the validator reports, with its option `verbose`. */
export interface Violation {
  instancePath: string
  keyword: string
  message?: string
  params: Record<string, unknown>
  /** The schema that the value violates, and the value. */
  parentSchema?: unknown
  data?: unknown
}

/** A request may have thousands of mistakes; its answer is not many times as long. */
const mostReported = 20

const parametersOf = (schema: unknown): string[] =>
  isSchema(schema) && 'properties' in schema && isSchema(schema.properties) ? Object.keys(schema.properties) : []

function messageOf({ keyword, message = 'is not valid', params, parentSchema, data }: Violation): string {
  if (Array.isArray(data)) {
    // a word has no type in its schema
    if (keyword === 'type' || keyword === 'enum') return `must be given once; got ${data.length} values`
    if (keyword === 'maxItems')
      return `must be given at most ${String(params['limit'])} times; got ${data.length} values`
  }
  if (keyword === 'maxLength')
    return `must have at most ${String(params['limit'])} characters; got ${String(data).length}: ${quoted(data)}`
  return isSchema(parentSchema) ? `must be ${expectedForm(parentSchema)}; got ${quoted(data)}` : message
}

/** The known parameter that the unknown one resembles. */
function nearest(unknown: string, known: readonly string[]): string | undefined {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, '')
  const most = unknown.length < 5 ? 1 : 2
  return unknown.length > 40
    ? undefined
    : known
        .map((one) => ({ one, distance: editDistance(letters(unknown), letters(one)) }))
        .sort((a, b) => a.distance - b.distance)
        .find(({ distance }) => distance <= most)?.one
}

const name = (parameter: string): string => `\`${quoted(parameter).replace(/^"(.*)"$/, '$1')}\``

/** A 400 that names every parameter that is unknown or wrong, the first 20 of them. */
export function parameterErrors(violations: readonly Violation[]): ApiError {
  const errors = new Map<string, ParameterError>()
  const [unknown, wrong]: [string[], string[]] = [[], []]
  let accepted: string[] = []
  for (const violation of violations) {
    if (errors.size === mostReported) break
    const { additionalProperty } = violation.params
    const parameter =
      typeof additionalProperty === 'string' ? additionalProperty : (violation.instancePath.split('/')[1] ?? '')
    if (errors.has(parameter)) continue
    if (typeof additionalProperty === 'string') {
      accepted = parametersOf(violation.parentSchema)
      const meant = nearest(parameter, accepted)
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      errors.set(parameter, { parameter, message: `is not a parameter of this endpoint${hint}` })
      unknown.push(`${name(parameter)}${meant === undefined ? '' : ` (did you mean \`${meant}\`?)`}`)
    } else {
      const error = { parameter, message: messageOf(violation) }
      errors.set(parameter, error)
      wrong.push(`${name(parameter)} ${error.message}`)
    }
  }
  const sentences = [...wrong]
  if (unknown.length > 0) {
    sentences.push(`Unknown parameter${unknown.length === 1 ? '' : 's'} ${unknown.join(', ')}`)
    sentences.push(
      accepted.length === 0 ? 'This endpoint accepts no parameters' : `This endpoint accepts: ${accepted.join(', ')}`,
    )
  }
  return new ApiError('invalid_parameter', sentences.join('. '), [...errors.values()])
}

/** How a number is written: decimal digits, without a sign, an exponent or blanks. The validator would take `0x10`. */
const decimal = { integer: /^[0-9]+$/, number: /^[0-9]+(\.[0-9]+)?$/ }

/** A text that the validator cannot read as a number, so that it reports it with the other violations. */
class NotDecimal {
  constructor(private readonly sent: string) {}
  toString() {
    return this.sent
  }
}

const isInRange = ({ minimum, maximum, exclusiveMinimum }: ParameterSchema, value: number): boolean =>
  value >= Number(minimum ?? -Infinity) &&
  value <= Number(maximum ?? Infinity) &&
  value > Number(exclusiveMinimum ?? -1)

/**
 * @returns a function that marks parameters that must be numbers and have another form, or are out of range: of these
 * the validator would report the number that it read, such as 0 for a small share; undefined without any number
 */
export function markNumbers(querystring: unknown): ((query: Record<string, unknown>) => void) | undefined {
  if (!isSchema(querystring) || !('properties' in querystring) || !isSchema(querystring.properties)) return undefined
  const numbers = Object.entries(querystring.properties).flatMap(([parameter, schema]) => {
    const type = isSchema(schema) ? schema.type : undefined
    return isSchema(schema) && (type === 'integer' || type === 'number')
      ? [{ parameter, schema, form: decimal[type] }]
      : []
  })
  if (numbers.length === 0) return undefined
  return (query) => {
    for (const { parameter, schema, form } of numbers) {
      const sent = query[parameter]
      if (typeof sent === 'string' && !(form.test(sent) && isInRange(schema, Number(sent))))
        query[parameter] = new NotDecimal(sent)
    }
  }
}
