/**
 * A part of PostgreSQL's lexer, enough for the output of `pg_get_viewdef` and for function bodies: it finds the words
 * outside strings and comments. It is not a parser.
 */

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol'
  /** A word in lower case, a quoted name or a string without its quotes, anything else unchanged. */
  text: string
  start: number
  end: number
}

const lexeme = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`(?<escape>[eE]'(?:[^'\\]|\\[\s\S]|'')*')`,
    String.raw`(?<string>'(?:[^']|'')*')`,
    String.raw`(?<dollar>\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)`,
    String.raw`(?<quoted>"(?:[^"]|"")*")`,
    String.raw`(?<word>[\p{L}_][\p{L}\p{N}_$]*)`,
    String.raw`(?<number>\d[\w.]*)`,
    String.raw`(?<symbol>::|.)`,
  ].join('|'),
  'gsu',
)

/** The tokens of an SQL text, without blanks and comments. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (const match of sql.matchAll(lexeme)) {
    const [raw] = match
    const { space, escape, string, dollar, quoted, word, number, tag } = match.groups ?? {}
    if (space !== undefined) continue
    const at = { start: match.index, end: match.index + raw.length }
    if (word !== undefined) tokens.push({ kind: 'word', text: raw.toLowerCase(), ...at })
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: raw.slice(1, -1).replaceAll('""', '"'), ...at })
    else if (string !== undefined) tokens.push({ kind: 'string', text: raw.slice(1, -1).replaceAll("''", "'"), ...at })
    else if (escape !== undefined) tokens.push({ kind: 'string', text: raw.slice(2, -1).replaceAll("''", "'"), ...at })
    else if (dollar !== undefined) {
      const fence = (tag?.length ?? 0) + 2
      tokens.push({ kind: 'string', text: raw.slice(fence, -fence), ...at })
    } else tokens.push({ kind: number === undefined ? 'symbol' : 'number', text: raw, ...at })
  }
  return tokens
}

/** Whether the token can be a name. */
export const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted'

/** Whether the token is one of these keywords or symbols, and not a quoted name or string that looks like one. */
export const isOneOf = (token: Token | undefined, ...texts: string[]): boolean =>
  (token?.kind === 'word' || token?.kind === 'symbol') && texts.includes(token.text)
