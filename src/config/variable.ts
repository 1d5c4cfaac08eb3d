/** Kinds of configuration variables: schema, parser and error message of each. */
import { Type, type TSchema } from 'typebox'
import { Errors } from 'typebox/schema'

export interface Variable<Value> {
  /** Name in the environment. */
  name: string
  /** Type and bounds of the value. */
  schema: TSchema
  /** The value if the variable is not set or empty. */
  fallback: Value
  /** The default in the documentation; `none` if there is no default. */
  shownDefault: string
  unit: string
  description: string
  /** A page with details, relative to docs/. */
  see: string | undefined
  /** Completes `NAME must be ...`. */
  allowed: string
  example: string
  /** A URL may contain a password in several places: messages show at most its scheme and host. */
  isUrl: boolean
  /** Converts the text to a value, which the schema checks. */
  parse(text: string): unknown
}

interface Common {
  description: string
  unit?: string
  see?: string
}

const common = (name: string, { description, unit = '', see }: Common) => ({
  name,
  description,
  unit,
  see,
  isUrl: false,
})

/** A whole number, written in decimal digits. */
export function integer(
  name: string,
  options: Common & { default: number; minimum: number; maximum: number },
): Variable<number> {
  const { minimum, maximum } = options
  return {
    ...common(name, options),
    schema: Type.Integer({ minimum, maximum }),
    fallback: options.default,
    shownDefault: String(options.default),
    allowed: `a whole number from ${minimum} to ${maximum}`,
    example: String(options.default),
    // only digits: a sign, an exponent or a space is probably a mistake
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  }
}

/** One of several words. */
export function choice<const Word extends string, const Default extends Word | undefined>(
  name: string,
  words: readonly Word[],
  options: Common & { default: Default; allowed?: string },
): Variable<Word | Default> {
  return {
    ...common(name, options),
    schema: Type.Enum([...words]),
    fallback: options.default,
    shownDefault: options.default ?? 'none',
    allowed: options.allowed ?? `one of ${words.join(', ')}`,
    example: options.default ?? words.join(),
    parse: (text) => text,
  }
}

/** The rule for a text, or for each part of a list. */
interface TextRule {
  /** Completes `NAME must be ...`. */
  allowed: string
  example: string
  /** Without it, every text is allowed. */
  valid?: (text: string) => boolean
  isUrl?: boolean
}

const textSchema = ({ valid }: TextRule) =>
  valid === undefined ? Type.String() : Type.Refine(Type.String(), valid, () => 'is not allowed')

/** A text, checked by a rule if there is one. */
export function text<const Default extends string | undefined>(
  name: string,
  options: Common & TextRule & { default: Default; shownDefault?: string },
): Variable<string | Default> {
  return {
    ...common(name, options),
    schema: textSchema(options),
    fallback: options.default,
    shownDefault: options.shownDefault ?? options.default ?? 'none',
    allowed: options.allowed,
    example: options.example,
    isUrl: options.isUrl ?? false,
    parse: (value) => value,
  }
}

/**
 * Texts separated by commas.
 * @param options.keepEmpty an empty part is an error: it may be a URL that is missing by mistake
 */
export function list(
  name: string,
  options: Common & TextRule & { default?: readonly string[]; keepEmpty?: boolean },
): Variable<readonly string[]> {
  const { default: fallback = [], keepEmpty = false } = options
  return {
    ...common(name, options),
    schema: Type.Array(textSchema(options)),
    fallback: Object.freeze([...fallback]),
    shownDefault: fallback.length === 0 ? 'none' : fallback.join(','),
    allowed: `${options.allowed}, separated by commas`,
    example: options.example,
    isUrl: options.isUrl ?? false,
    parse: (value) =>
      Object.freeze(
        value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => keepEmpty || part !== ''),
      ),
  }
}

/** The value in a message, without a secret. */
function shown(text: string, isUrl: boolean): string {
  if (!isUrl && !text.includes('@')) return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
  if (!text.includes('://') || !URL.canParse(text)) return 'a text that cannot be read as a URL'
  const { protocol, host } = new URL(text)
  return `${protocol}//${host}`
}

/**
 * Reads one variable. If it is not set or empty, the value is the default.
 * @returns the value, and one sentence per problem, without a secret
 */
export function readVariable<Value>(
  variable: Variable<Value>,
  text: string | undefined,
): { value: unknown; problems: string[] } {
  if (text === undefined || text === '') return { value: variable.fallback, problems: [] }
  const { name, allowed, example, isUrl } = variable
  const value = variable.parse(text)
  const [valid, errors] = Errors(variable.schema, value)
  if (valid) return { value, problems: [] }
  const must = `${name} must be ${allowed}, for example ${name}=${example}`
  if (!Array.isArray(value)) return { value: variable.fallback, problems: [`${must}; it is ${shown(text, isUrl)}.`] }
  const wrong = errors
    .map(({ instancePath }) => Number(instancePath.slice(1)))
    .map((index) => `number ${index + 1} is ${shown(String(value[index]), isUrl)}`)
  return { value: variable.fallback, problems: [`${must}; ${wrong.join(', ')}.`] }
}

/** The value type of a variable. */
export type ValueOf<V> = V extends Variable<infer Value> ? Value : never
