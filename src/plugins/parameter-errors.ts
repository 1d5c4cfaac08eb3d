/** From what the validator found to errors that a client can act on. */
import { ApiError, quoted, type ParameterError } from '../errors.js'
import { expectedForm, isSchema } from '../schemas/expected-form.js'

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
    if (keyword === 'type') return `must be given once; got ${data.length} values`
    if (keyword === 'maxItems')
      return `must be given at most ${String(params['limit'])} times; got ${data.length} values`
  }
  if (keyword === 'maxLength') return `${message}; got ${String(data).length}`
  return isSchema(parentSchema) ? `must be ${expectedForm(parentSchema)}; got ${quoted(data)}` : message
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
      errors.set(parameter, { parameter, message: 'is not a parameter of this endpoint' })
      unknown.push(name(parameter))
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
