/** A command declares its options once. Parsing and help come from that declaration. */
import { parseArgs } from 'node:util'
import type { Config } from '../config.js'
import { editDistance } from '../config/edit-distance.js'

/** A mistake in the command line itself: exit 2. */
export class UsageError extends Error {}

export interface Option<Value> {
  help: string
  /** Name of the value in the help, such as SECONDS; undefined: a flag, which takes none. */
  value?: string
  /** Value and unit that apply without the option, for the help. */
  fallback?: string
  /**
   * @param given the texts given, one per occurrence
   * @throws UsageError if the value is not allowed
   */
  read(given: string[], name: string): Value
}

type Options = Record<string, Option<unknown>>
type Values<O extends Options> = { [Name in keyof O]: O[Name] extends Option<infer Value> ? Value : never }

export interface CommandSpec<O extends Options> {
  /** Paragraphs below the examples, wrapped for the terminal. */
  description: string
  /** Lines to copy, each with what it does. */
  examples: readonly (readonly [command: string, purpose: string])[]
  /** Name of the one argument that is not an option, such as FILE; in brackets if it may be left out. */
  operand?: string
  options: O
  exits: Readonly<Record<number, string>>
  /** @returns the exit code */
  run(values: Values<O>, context: CommandContext): Promise<number>
}

export interface CommandContext {
  operand: string | undefined
  /** Reads the configuration, on first use: help needs none. */
  config: () => Config
}

export interface Command {
  help(name: string, summary: string): string
  run(name: string, args: string[], config: () => Config): Promise<number>
}

/** An option that is either given or not. */
export const flag = (help: string): Option<boolean> => ({ help, read: (given) => given.length > 0 })

export function text(spec: { help: string; value: string; fallback?: string }): Option<string | undefined> {
  return { ...spec, read: (given) => given.at(-1) }
}

/** An option that may be given several times. */
export const texts = (spec: { help: string; value: string }): Option<string[]> => ({ ...spec, read: (given) => given })

/** A whole number of at least 1. */
export const count = (help: string, fallback: number): Option<number> => ({
  help,
  value: 'N',
  fallback: String(fallback),
  read(given, name) {
    const value = given.at(-1) ?? String(fallback)
    if (!/^[1-9]\d{0,9}$/.test(value))
      throw new UsageError(`--${name} must be a whole number of at least 1; got "${value}"`)
    return Number(value)
  },
})

/** Whole seconds, 0 allowed; the value is milliseconds. */
const seconds = (help: string, fallback: number): Option<number> => ({
  help,
  value: 'SECONDS',
  fallback: `${fallback} seconds`,
  read(given, name) {
    const value = given.at(-1) ?? String(fallback)
    if (!/^\d{1,6}$/.test(value))
      throw new UsageError(`--${name} must be whole seconds from 0 to 999999, such as --${name} 60; got "${value}"`)
    return Number(value) * 1_000
  },
})

/** Of commands that take locks; milliseconds. */
export const lockWait = seconds('total time to wait for table and advisory locks of other sessions', 60)

/** Prints one line of a command's output. */
export const print = (line: string) => {
  console.log(line)
}

/** The closest of `known` that differs from `typed` by at most two letters. */
export function suggestion(typed: string, known: readonly string[]): string | undefined {
  const [best] = known.map((name) => ({ name, far: editDistance(typed, name) })).sort((a, b) => a.far - b.far)
  return best !== undefined && best.far <= 2 ? best.name : undefined
}

export function defineCommand<O extends Options>(spec: CommandSpec<O>): Command {
  const names = Object.keys(spec.options)
  const exits = { 2: 'the command line is wrong', ...spec.exits }
  const listed = [...names, 'help'].map((name) => `--${name}`).join(', ')

  function parse(name: string, args: string[]) {
    try {
      return parseArgs({
        args,
        options: Object.fromEntries(
          Object.entries(spec.options).map(([option, { value }]) => [
            option,
            { type: value === undefined ? 'boolean' : 'string', multiple: true } as const,
          ]),
        ),
        allowPositionals: true,
        strict: true,
      })
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      const option = /'(-[^\s']+)/.exec(message)?.[1] ?? ''
      if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
        const meant = suggestion(option.replace(/^-+/, ''), names)
        throw new UsageError(
          `${name} has no option ${option}.${meant === undefined ? '' : ` Did you mean --${meant}?`} ` +
            `Its options: ${listed}`,
        )
      }
      const long = option.replace(/^.*--/, '')
      const value = Object.hasOwn(spec.options, long) ? spec.options[long]?.value : undefined
      throw new UsageError(
        value === undefined
          ? `${name}: --${long} takes no value`
          : `${name}: --${long} needs a value: --${long} ${value}`,
      )
    }
  }

  return {
    help(name, summary) {
      const usage = [`attempt-api ${name}`, names.length > 0 ? '[options]' : '', spec.operand ?? '']
      const rows = Object.entries(spec.options).map(([option, { value, help, fallback }]) => [
        `  --${option}${value === undefined ? '' : ` ${value}`}`,
        fallback === undefined ? help : `${help} (default: ${fallback})`,
      ])
      return [
        `attempt-api ${name}: ${summary}`,
        `Usage: ${usage.filter(Boolean).join(' ')}`,
        `Examples:\n${spec.examples.map(([line, purpose]) => `  ${line}\n      ${purpose}`).join('\n')}`,
        paragraphs(spec.description),
        `Options:\n${columns([...rows, ['  -h, --help', 'print this help']])}`,
        `Exit codes:\n${columns(Object.entries(exits).map(([code, meaning]) => [`  ${code}`, meaning]))}`,
      ].join('\n\n')
    },
    async run(name, args, config) {
      const { values, positionals } = parse(name, args)
      const [operand, ...more] = positionals
      const surplus = spec.operand === undefined ? operand : more[0]
      if (surplus !== undefined)
        throw new UsageError(
          `${name} takes ${spec.operand === undefined ? 'no arguments' : 'one argument'}; ` +
            `got "${surplus}". See attempt-api ${name} --help`,
        )
      if (spec.operand !== undefined && !spec.operand.startsWith('[') && operand === undefined)
        throw new UsageError(`${name} needs ${spec.operand}. See attempt-api ${name} --help`)
      const read = Object.fromEntries(
        Object.entries(spec.options).map(([option, { read }]) => [
          option,
          read((values[option] ?? []).map(String), option),
        ]),
      ) as Values<O>
      return spec.run(read, { operand, config })
    },
  }
}

const lineWidth = 100

/** Text in lines of at most 100 characters; an empty line separates paragraphs. */
function paragraphs(text: string): string {
  const wrap = (paragraph: string) =>
    paragraph
      .trim()
      .split(/\s+/)
      .reduce<string[]>((lines, word) => {
        const last = lines.at(-1)
        if (last === undefined || last.length + word.length >= lineWidth) return [...lines, word]
        return [...lines.slice(0, -1), `${last} ${word}`]
      }, [])
      .join('\n')
  return text.split('\n\n').map(wrap).join('\n\n')
}

/** Rows of text in columns. */
export function columns(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_cell, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
