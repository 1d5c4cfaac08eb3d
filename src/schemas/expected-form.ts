/** What a parameter must be, in words: from its schema alone, so that errors and documentation cannot differ. */
import { invalid, quoted, type ApiError } from '../errors.js'

/** What is read of a schema. */
export interface ParameterSchema {
  type?: unknown
  /** A noun with its article, for texts: "a timestamp". */
  title?: unknown
  enum?: unknown
  examples?: unknown
  items?: unknown
  minimum?: unknown
  maximum?: unknown
  exclusiveMinimum?: unknown
}

export const isSchema = (value: unknown): value is ParameterSchema => typeof value === 'object' && value !== null

/** "a, b or c". */
export const alternatives = (values: readonly unknown[]): string =>
  values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${String(values.at(-1))}`

function numbers({ type, minimum, maximum, exclusiveMinimum, examples }: ParameterSchema): string {
  const example = Array.isArray(examples) ? `, such as ${String(examples[0])}` : ''
  const noun = type === 'integer' ? 'an integer' : 'a number'
  const least = exclusiveMinimum === undefined ? `from ${String(minimum)}` : `above ${String(exclusiveMinimum)}`
  return `${noun} ${least} ${exclusiveMinimum === undefined ? '' : 'and up '}to ${String(maximum)}${example}`
}

/** The form that a schema requires: "a timestamp such as 2026-11-01T00:00:00Z", "asc or desc". */
export function expectedForm(schema: ParameterSchema): string {
  if (isSchema(schema.items)) return expectedForm(schema.items)
  if (Array.isArray(schema.enum)) return alternatives(schema.enum)
  if (schema.type === 'integer' || schema.type === 'number') return numbers(schema)
  const example = Array.isArray(schema.examples) ? ` such as ${String(schema.examples[0])}` : ''
  return `${typeof schema.title === 'string' ? schema.title : 'a text'}${example}`
}

/** A 400 for a value that does not have the form of its schema. */
export const malformed = (parameter: string, schema: ParameterSchema, sent: unknown): ApiError =>
  invalid(parameter, `must be ${expectedForm(schema)}; got ${quoted(sent)}`)
