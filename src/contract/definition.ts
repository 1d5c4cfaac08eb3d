/** What golden rows cannot show and the text of the definition does: sampling, clocks, sessions, distant limits. */
import type pg from 'pg'
import { type CalledFunction, readFunctionsNamed, type Relation, relationsNamed, volatileBuiltins } from './catalog.js'
import { type Check, found } from './report.js'
import { is, isName, type Token, tokenize } from './tokens.js'

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
const sessionFunctions =
  /^(now|age|statement_timestamp|transaction_timestamp|current_(setting|database|schemas?|query)|version|row_security_active|has_\w+_privilege|pg_has_role|inet_\w+|pg_backend_pid|txid_current\w*|pg_current_\w+|pg_is_in_recovery|pg_postmaster_start_time|pg_my_temp_schema|to_reg\w+|(query|table|cursor|schema|database)_to_xml\w*)$/
const clockTexts = new Set(['now', 'today', 'tomorrow', 'yesterday'])

/** Names that are called and belong to pg_catalog or to nothing: `name(` without another schema before it. */
function builtinCalls(tokens: Token[]): string[] {
  return tokens
    .filter(
      (token, at) =>
        isName(token) && is(tokens[at + 1], '(') && (!is(tokens[at - 1], '.') || tokens[at - 2]?.text === 'pg_catalog'),
    )
    .map((token) => token.text)
}

/** What makes two runs over the same rows differ. */
async function unrepeatable(client: pg.ClientBase, tokens: Token[]): Promise<string[]> {
  const calls = builtinCalls(tokens)
  return [
    ...tokens
      .filter((token, at) => token.kind === 'word' && sessionWords.has(token.text) && !is(tokens[at - 1], '.', 'as'))
      .map((token) => token.text),
    ...tokens
      .filter((token) => token.kind === 'string' && clockTexts.has(token.text.trim().toLowerCase()))
      .map((token) => `'${token.text}'`),
    ...calls.filter((name) => sessionFunctions.test(name)).map((name) => `${name}()`),
    ...(await volatileBuiltins(client, calls)).map((name) => `${name}()`),
  ]
}

interface Count {
  word: string
  count: bigint | null | undefined
}

/** Counts after LIMIT, OFFSET and FETCH: a number, `null` for no limit, undefined for what is no constant. */
function counts(tokens: Token[]): Count[] {
  return tokens.flatMap((token, at): Count[] => {
    if (token.kind !== 'word' || !['limit', 'offset', 'fetch'].includes(token.text) || is(tokens[at - 1], '.'))
      return []
    let next = at + 1
    while (is(tokens[next], '(', 'first', 'next')) next++
    const value = tokens[next]
    if (is(value, 'all', 'null')) return [{ word: token.text, count: null }]
    const constant = value !== undefined && /^\d+$/.test(value.text) && !is(tokens[next + 1], '+', '-', '*', '/')
    return [{ word: token.text, count: constant ? BigInt(value.text) : undefined }]
  })
}

/** Names after FROM and JOIN that are no function calls. */
function namesRead(tokens: Token[]): string[] {
  return tokens.flatMap((token, at) => {
    if (!is(token, 'from', 'join', 'table', 'update', 'into')) return []
    let next = at + 1
    while (is(tokens[next], '(', 'only')) next++
    if (!isName(tokens[next])) return []
    while (is(tokens[next + 1], '.') && isName(tokens[next + 2])) next += 2
    return is(tokens[next + 1], '(') ? [] : [tokens[next]?.text ?? '']
  })
}

/** Functions that are called, and what their bodies call in turn. */
async function withInner(client: pg.ClientBase, called: CalledFunction[]): Promise<CalledFunction[]> {
  const known = new Map(called.map((one) => [one.oid, one]))
  let fresh = called
  while (fresh.length > 0) {
    const names = fresh.flatMap((one) => {
      const tokens = tokenize(one.body)
      return tokens.filter((token, at) => isName(token) && is(tokens[at + 1], '(')).map((token) => token.text)
    })
    fresh = (await readFunctionsNamed(client, names)).filter((one) => !known.has(one.oid))
    for (const one of fresh) known.set(one.oid, one)
  }
  return [...known.values()]
}

/**
 * Judges the text of the definitions and of the functions they call.
 * `reach` is the longest array among the golden rows: a count beyond it would cut nothing there.
 */
export async function checkDefinitions(
  client: pg.ClientBase,
  relations: Relation[],
  called: CalledFunction[],
  reach: number,
): Promise<{ checks: Check[]; functions: CalledFunction[]; reads: string[] }> {
  const functions = await withInner(client, called)
  const partial: string[] = []
  const moving: string[] = []
  const limits: string[] = []
  const unknownLimits: string[] = []
  const reads: string[] = []

  for (const relation of relations) {
    if (relation.definition === null) continue
    const tokens = tokenize(relation.definition)
    const of = ` in ${relation.name}`
    const parents = relations.filter((one) => one.children).map((one) => one.name)
    tokens.forEach((token, at) => {
      if (is(token, 'tablesample')) partial.push(`TABLESAMPLE${of}`)
      const name = is(tokens[at + 2], '.') ? tokens[at + 3] : tokens[at + 1]
      if (is(token, 'only') && isName(name) && parents.includes(name.text)) partial.push(`ONLY ${name.text}${of}`)
    })
    moving.push(...(await unrepeatable(client, tokens)).map((what) => what + of))
    for (const { word, count } of counts(tokens)) {
      if (count === undefined) unknownLimits.push(`${word}${of} is no constant`)
      else if (count !== null && count >= BigInt(reach)) limits.push(`${word} ${count}${of}`)
    }
    reads.push(
      ...(await relationsNamed(
        client,
        namesRead(tokens).filter((name) => name.startsWith('pg_')),
        true,
      )),
    )
  }
  for (const one of functions) {
    const tokens = tokenize(one.body)
    const of = ` in function ${one.name}`
    if (one.language === 'c' || one.language === 'internal') {
      if (one.volatile) moving.push(`function ${one.name} is volatile`)
      continue
    }
    if (one.language !== 'sql' && one.language !== 'plpgsql') {
      reads.push(`whatever function ${one.name} reads (language ${one.language})`)
      continue
    }
    moving.push(...(await unrepeatable(client, tokens)).map((what) => what + of))
    for (const { word, count } of counts(tokens)) {
      if (count === undefined) unknownLimits.push(`${word}${of} is no constant`)
      else if (count !== null && count >= BigInt(reach)) limits.push(`${word} ${count}${of}`)
    }
    const named = new Set([...one.relations, ...(await relationsNamed(client, namesRead(tokens), false))])
    reads.push(...[...named].map((name) => name + of))
    if (one.language === 'plpgsql' && tokens.some((token) => is(token, 'execute')))
      reads.push(`whatever is executed${of}`)
  }

  const list = (found: string[]) => [...new Set(found)].join(', ')
  return {
    functions,
    reads: [...new Set(reads)],
    checks: [
      partial.length === 0
        ? found('whole_table', 'pass', 'every row of exam_results', 'every row of exam_results')
        : found(
            'whole_table',
            'fail',
            'every row of exam_results',
            list(partial),
            'the view reads a part of the table',
          ),
      moving.length === 0
        ? found('repeatable', 'pass', 'nothing of clock, session or chance', 'nothing of clock, session or chance')
        : found(
            'repeatable',
            'fail',
            'nothing of clock, session or chance',
            list(moving),
            'the same exams give other rows at another time or to another session',
          ),
      limits.length > 0
        ? found('limits', 'fail', 'no limit on rows', list(limits), 'rows beyond this count are lost')
        : unknownLimits.length > 0
          ? found('limits', 'error', 'no limit on rows', list(unknownLimits), 'the count cannot be checked')
          : found('limits', 'pass', 'no limit on rows', 'no limit on rows'),
    ],
  }
}
