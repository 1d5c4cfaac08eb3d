/** Finds in the text of definitions what golden rows cannot show: samples, clocks, sessions, high row limits. */
import { type CalledFunction, readFunctionsNamed, type Relation, relationsNamed, volatileBuiltins } from './catalog.js'
import type { Contract } from './contract.js'
import { sourceTable } from './exam-results.js'
import { type Check, checkResult } from './report.js'
import type { SqlClient } from './sql-client.js'
import { isName, isOneOf, type Token, tokenize } from './tokens.js'

// Keywords without parentheses; pg_get_viewdef quotes a column of such a name.
const sessionWords = new Set([
  'current_user',
  'session_user',
  'user',
  'current_role',
  'system_user',
  'current_catalog',
  'current_schema',
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
])
const sessionFunctions = new RegExp(
  `^(${[
    'now|age|statement_timestamp|transaction_timestamp',
    String.raw`current_(setting|database|schemas?|query)|version|row_security_active|has_\w+_privilege|pg_has_role`,
    String.raw`inet_\w+|pg_backend_pid|txid_current\w*|pg_current_\w+|pg_is_in_recovery|pg_postmaster_start_time`,
    String.raw`pg_my_temp_schema|to_reg\w+|(query|table|cursor|schema|database)_to_xml\w*`,
  ].join('|')})$`,
)
const clockTexts = new Set(['now', 'today', 'tomorrow', 'yesterday'])

/** Names called as `name(` in pg_catalog or without a schema. */
function builtinCalls(tokens: Token[]): string[] {
  return tokens
    .filter(
      (token, at) =>
        isName(token) &&
        isOneOf(tokens[at + 1], '(') &&
        (!isOneOf(tokens[at - 1], '.') || tokens[at - 2]?.text === 'pg_catalog'),
    )
    .map((token) => token.text)
}

/** What makes two runs over the same rows differ. */
async function unrepeatable(client: SqlClient, tokens: Token[]): Promise<string[]> {
  const calls = builtinCalls(tokens)
  return [
    ...tokens
      .filter(
        (token, at) => token.kind === 'word' && sessionWords.has(token.text) && !isOneOf(tokens[at - 1], '.', 'as'),
      )
      .map((token) => token.text),
    ...tokens
      .filter((token) => token.kind === 'string' && clockTexts.has(token.text.trim().toLowerCase()))
      .map((token) => `'${token.text}'`),
    ...calls.filter((name) => sessionFunctions.test(name)).map((name) => `${name}()`),
    ...(await volatileBuiltins(client, calls)).map((name) => `${name}()`),
  ]
}

interface RowLimit {
  word: string
  /** null: no limit; undefined: not a constant. */
  count: bigint | null | undefined
}

/** The counts after LIMIT, OFFSET and FETCH. */
function rowLimits(tokens: Token[]): RowLimit[] {
  return tokens.flatMap((token, at): RowLimit[] => {
    if (token.kind !== 'word' || !['limit', 'offset', 'fetch'].includes(token.text) || isOneOf(tokens[at - 1], '.'))
      return []
    let next = at + 1
    while (isOneOf(tokens[next], '(', 'first', 'next')) next++
    const value = tokens[next]
    if (isOneOf(value, 'all', 'null')) return [{ word: token.text, count: null }]
    const constant = value !== undefined && /^\d+$/.test(value.text) && !isOneOf(tokens[next + 1], '+', '-', '*', '/')
    return [{ word: token.text, count: constant ? BigInt(value.text) : undefined }]
  })
}

/** Names after FROM, JOIN and the like that are not function calls. */
function relationNames(tokens: Token[]): string[] {
  return tokens.flatMap((token, at) => {
    if (!isOneOf(token, 'from', 'join', 'table', 'update', 'into')) return []
    let next = at + 1
    while (isOneOf(tokens[next], '(', 'only')) next++
    if (!isName(tokens[next])) return []
    while (isOneOf(tokens[next + 1], '.') && isName(tokens[next + 2])) next += 2
    return isOneOf(tokens[next + 1], '(') ? [] : [tokens[next]?.text ?? '']
  })
}

/** The functions, and those that their bodies call, directly or through others. */
async function withInnerCalls(client: SqlClient, called: CalledFunction[]): Promise<CalledFunction[]> {
  const known = new Map(called.map((one) => [one.oid, one]))
  let added = called
  while (added.length > 0) {
    const names = added.flatMap((one) => {
      const tokens = tokenize(one.body)
      return tokens.filter((token, at) => isName(token) && isOneOf(tokens[at + 1], '(')).map((token) => token.text)
    })
    added = (await readFunctionsNamed(client, names)).filter((one) => !known.has(one.oid))
    for (const one of added) known.set(one.oid, one)
  }
  return [...known.values()]
}

/** What the texts show, in words. */
interface Observations {
  partial: string[]
  changing: string[]
  limits: string[]
  unclearLimits: string[]
  reads: string[]
}

function observeLimits(observed: Observations, tokens: Token[], place: string, longestArray: number): void {
  for (const { word, count } of rowLimits(tokens)) {
    if (count === undefined) observed.unclearLimits.push(`${word}${place} is not a constant`)
    // a lower limit would remove golden rows
    else if (count !== null && count >= BigInt(longestArray)) observed.limits.push(`${word} ${count}${place}`)
  }
}

async function observeView(
  client: SqlClient,
  observed: Observations,
  { name: view, definition }: Relation,
  parents: readonly string[],
  longestArray: number,
): Promise<void> {
  const tokens = tokenize(definition ?? '')
  const place = ` in ${view}`
  tokens.forEach((token, at) => {
    if (isOneOf(token, 'tablesample')) observed.partial.push(`TABLESAMPLE${place}`)
    const name = isOneOf(tokens[at + 2], '.') ? tokens[at + 3] : tokens[at + 1]
    if (isOneOf(token, 'only') && isName(name) && parents.includes(name.text))
      observed.partial.push(`ONLY ${name.text}${place}`)
  })
  observed.changing.push(...(await unrepeatable(client, tokens)).map((what) => what + place))
  observeLimits(observed, tokens, place, longestArray)
  const system = relationNames(tokens).filter((name) => name.startsWith('pg_'))
  observed.reads.push(...(await relationsNamed(client, system, true)))
}

async function observeFunction(
  client: SqlClient,
  observed: Observations,
  { name, language, volatile, body, relations }: CalledFunction,
  longestArray: number,
): Promise<void> {
  if (language === 'c' || language === 'internal') {
    if (volatile) observed.changing.push(`function ${name} is volatile`)
    return
  }
  if (language !== 'sql' && language !== 'plpgsql') {
    observed.reads.push(`what function ${name} reads (language ${language})`)
    return
  }
  const tokens = tokenize(body)
  const place = ` in function ${name}`
  observed.changing.push(...(await unrepeatable(client, tokens)).map((what) => what + place))
  observeLimits(observed, tokens, place, longestArray)
  const read = new Set([...relations, ...(await relationsNamed(client, relationNames(tokens), false))])
  observed.reads.push(...[...read].map((relation) => relation + place))
  if (language === 'plpgsql' && tokens.some((token) => isOneOf(token, 'execute')))
    observed.reads.push(`a dynamic statement (EXECUTE)${place}`)
}

/**
 * Checks the definitions of the view and its helper views, and the functions that they call.
 * @param called the functions that the definitions call themselves
 * @returns the checks; all functions that are called, directly or not; what is read beside the views' own relations
 */
export async function checkDefinitions(
  client: SqlClient,
  contract: Contract,
  relations: Relation[],
  called: CalledFunction[],
): Promise<{ checks: Check[]; functions: CalledFunction[]; reads: string[] }> {
  const functions = await withInnerCalls(client, called)
  const observed: Observations = { partial: [], changing: [], limits: [], unclearLimits: [], reads: [] }
  const longestArray = Math.max(0, ...contract.golden.map(({ rows }) => rows.length))
  const parents = relations.filter((one) => one.children).map((one) => one.name)
  for (const relation of relations)
    if (relation.definition !== null) await observeView(client, observed, relation, parents, longestArray)
  for (const one of functions) await observeFunction(client, observed, one, longestArray)

  const list = (texts: string[]) => [...new Set(texts)].join(', ')
  const { partial, changing, limits, unclearLimits, reads } = observed
  const wholeTable = `every row of ${sourceTable}`
  const repeatable = 'no use of clock, session or random values'
  const noLimit = 'no limit on rows'
  return {
    functions,
    reads: [...new Set(reads)],
    checks: [
      partial.length === 0
        ? checkResult('whole_table', 'pass', wholeTable, wholeTable)
        : checkResult('whole_table', 'fail', wholeTable, list(partial), 'the view reads only a part of the table'),
      changing.length === 0
        ? checkResult('repeatable', 'pass', repeatable, repeatable)
        : checkResult(
            'repeatable',
            'fail',
            repeatable,
            list(changing),
            'the same exams give other rows at another time or in another session',
          ),
      limits.length > 0
        ? checkResult('limits', 'fail', noLimit, list(limits), 'the view loses rows beyond this count')
        : unclearLimits.length > 0
          ? checkResult('limits', 'error', noLimit, list(unclearLimits), 'the check cannot evaluate the count')
          : checkResult('limits', 'pass', noLimit, noLimit),
    ],
  }
}
