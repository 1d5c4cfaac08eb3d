/** Kinds of configuration variables: the schema of each, how its text is read, and the sentence of what is allowed. */
import { Type, type TSchema } from 'typebox'
import { Errors } from 'typebox/schema'

export interface Variable<Value> {
  /** In the environment. */
  name: string
  /** Type and bounds of the value. */
  schema: TSchema
  /** Used where the variable is not set or empty. */
  fallback: Value
  /** The default as the documentation shows it; `none` where there is no text for it. */
  shownDefault: string
  unit: string
  description: string
  /** A page that says more, relative to docs/. */
  see: string | undefined
  /** Completes `NAME must be ...`. */
  allowed: string
  example: string
  /** A URL may hold a password, in more places than one: a message shows its scheme and host, or nothing of it. */
  isUrl: boolean
  /** The value that the text stands for; the schema checks it. */
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
  given: Common & { default: number; minimum: number; maximum: number },
): Variable<number> {
  const { minimum, maximum } = given
  return {
    ...common(name, given),
    schema: Type.Integer({ minimum, maximum }),
    fallback: given.default,
    shownDefault: String(given.default),
    allowed: `a whole number from ${minimum} to ${maximum}`,
    example: String(given.default),
    // no sign, no exponent, no blank: what a person would not write is a mistake
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  }
}

/** One of a few words. */
export function choice<const Word extends string, const Default extends Word | undefined>(
  name: string,
  words: readonly Word[],
  given: Common & { default: Default; allowed?: string },
): Variable<Word | Default> {
  return {
    ...common(name, given),
    schema: Type.Enum([...words]),
    fallback: given.default,
    shownDefault: given.default ?? 'none',
    allowed: given.allowed ?? `one of ${words.join(', ')}`,
    example: given.default ?? words.join(),
    parse: (text) => text,
  }
}

/** What a single text or each part of a list must be. */
interface TextRule {
  /** Completes `NAME must be ...`. */
  allowed: string
  example: string
  /** Not given: every text is allowed. */
  valid?: (text: string) => boolean
  isUrl?: boolean
}

const textSchema = ({ valid }: TextRule) =>
  valid === undefined ? Type.String() : Type.Refine(Type.String(), valid, () => 'is not allowed')

/** Any text, or one that a rule allows. */
export function text<const Default extends string | undefined>(
  name: string,
  given: Common & TextRule & { default: Default; shownDefault?: string },
): Variable<string | Default> {
  return {
    ...common(name, given),
    schema: textSchema(given),
    fallback: given.default,
    shownDefault: given.shownDefault ?? given.default ?? 'none',
    allowed: given.allowed,
    example: given.example,
    isUrl: given.isUrl ?? false,
    parse: (value) => value,
  }
}

/**
 * Texts separated by commas.
 * @param given.keepEmpty an empty part is a mistake: a user who sets two URLs and gets one would not notice
 */
export function list(
  name: string,
  given: Common & TextRule & { default?: readonly string[]; keepEmpty?: boolean },
): Variable<readonly string[]> {
  const { default: fallback = [], keepEmpty = false } = given
  return {
    ...common(name, given),
    schema: Type.Array(textSchema(given)),
    fallback: Object.freeze([...fallback]),
    shownDefault: fallback.length === 0 ? 'none' : fallback.join(','),
    allowed: `${given.allowed}, separated by commas`,
    example: given.example,
    isUrl: given.isUrl ?? false,
    parse: (value) =>
      Object.freeze(
        value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => keepEmpty || part !== ''),
      ),
  }
}

/** The value for a message. */
function shown(text: string, isUrl: boolean): string {
  if (!isUrl && !text.includes('@')) return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
  if (!text.includes('://') || !URL.canParse(text)) return 'a text that cannot be read as a URL'
  const { protocol, host } = new URL(text)
  return `${protocol}//${host}`
}

/**
 * The value of a variable, and what is wrong with it, in sentences without a secret.
 * A variable that is not set, or empty, has its default.
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
