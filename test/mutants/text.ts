/** Every token of the printed definitions changed, one at a time. */
import { tokenize } from '../../src/contract/tokens.js'
import type { Candidate, Chain } from './types.js'

const swaps: Record<string, string[]> = {
  '<': ['>', ' <= '],
  '>': ['<'],
  '=': ['<>'],
  '*': ['+'],
  '-': ['+'],
  '+': ['-'],
  and: ['or'],
  or: ['and'],
  not: [''],
  round: ['trunc', 'ceil', 'floor'],
  md5: ['upper', 'reverse'],
  coalesce: ['greatest', 'least'],
  length: ['octet_length'],
  substr: ['"right"'],
  row_number: ['rank', 'dense_rank'],
  numeric: ['integer', 'double precision', 'real'],
  bigint: ['integer', 'smallint'],
  integer: ['smallint'],
  null: ['0', 'false', "''"],
  false: ['true', 'null'],
  true: ['false', 'null'],
  jsonb_array_length: ['1 + jsonb_array_length'],
}

function replacements(view: string, text: string): string[] {
  if (/^\d/.test(text)) {
    const number = Number(text)
    return [String(number + 1), String(number - 1), '0', String(number * 2)].filter((other) => other !== text)
  }
  return (swaps[text] ?? []).concat(view === 'attempt_numbered' && /_id$|_at$/.test(text) ? ['1', `${text} desc`] : [])
}

export function textMutants(chain: Chain): Candidate[] {
  return Object.entries(chain).flatMap(([view, definition]) =>
    tokenize(definition).flatMap(({ kind, text, start, end }): Candidate[] => {
      const others =
        kind === 'string'
          ? [
              // each character left out, which takes patterns apart
              ...[...text].map((_, at) => `'${(text.slice(0, at) + text.slice(at + 1)).replaceAll("'", "''")}'`),
              `'${text.toUpperCase()}'`,
              `'x${text}'`,
            ]
          : replacements(view, text)
      return others.map((other) => ({
        name: `${view} ${start}: ${definition.slice(Math.max(0, start - 30), start)}[${definition.slice(start, end)} -> ${other}]`.replaceAll(
          /\s+/g,
          ' ',
        ),
        statements: [`create or replace view ${view} as ${definition.slice(0, start)}${other}${definition.slice(end)}`],
      }))
    }),
  )
}
