/**
 * `npm run test:mutants [-- SEED [COUNT]]`: makes views that differ from the installed one, runs the contract check on
 * each, and lists those that pass although they give other rows of a random corpus. Each of these is a gap of the
 * golden rows. A mutant that gives the same rows counts as one of equal meaning.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import { seededRandom } from '../../src/contract/golden/generated/generated-case.js'
import type { SqlClient } from '../../src/contract/sql-client.js'
import { embeddedBinaries, startEmbedded } from '../../src/development/embedded.js'
import { makeTemplate } from '../helpers/database.js'
import { conditionalMutants } from './conditional.js'
import { corpusExam } from './corpus.js'
import { numberingMutants } from './numbering.js'
import { textMutants } from './text.js'
import type { Chain, Candidate } from './types.js'

const [seed = '1', count = '1500'] = process.argv.slice(2)
const connections = 3
const views = ['attempt_exam', 'attempt_element', 'attempt_response', 'attempt_numbered', 'attempt']

const nested = (client: pg.ClientBase): SqlClient => ({
  query(text, values) {
    if (text.startsWith('begin')) return client.query('savepoint contract')
    if (text === 'rollback') return client.query('rollback to savepoint contract')
    return client.query(text, values)
  },
})

async function chainOf(client: pg.ClientBase): Promise<Chain> {
  const { rows } = await client.query<{ name: string; text: string }>(
    'select name, pg_get_viewdef(name::regclass) as text from unnest($1::text[]) as name',
    [views],
  )
  return Object.fromEntries(rows.map(({ name, text }) => [name, text.replace(/;\s*$/, '')]))
}

/** Puts the corpus into exam_results and the rows that the right view makes of it into `right_rows`. */
async function loadCorpus(client: pg.ClientBase): Promise<void> {
  const random = seededRandom(77)
  const exams = Array.from({ length: 3000 }, (_, at) => corpusExam(random, at))
  await client.query(
    `insert into exam_results (session_id, user_id, exam_id, org_id, status, score_raw, score_scaled, standard_error,
      percentile, result_json, created_at, updated_at)
    select session_id, user_id, exam_id, org_id, status, score_raw, score_scaled, standard_error, percentile,
      result_json, created_at, updated_at from jsonb_populate_recordset(null::exam_results, $1::jsonb)
    on conflict (session_id) do nothing`,
    [JSON.stringify(exams.map((exam) => ({ ...exam, result_json: JSON.parse(exam['result_json'] ?? '') as unknown })))],
  )
  await client.query('create table right_rows as select * from attempt')
}

/** Whether the changed view gives other rows of the corpus than the right one, or raises an error. */
async function differs(client: pg.ClientBase): Promise<boolean> {
  await client.query('savepoint difference')
  try {
    const { rows } = await client.query<{ differs: boolean }>(
      `select exists ((select * from attempt except all select * from right_rows)
        union all (select * from right_rows except all select * from attempt)) as differs`,
    )
    return rows[0]?.differs === true
  } catch {
    await client.query('rollback to savepoint difference')
    return true
  }
}

/** At most `limit` of them, spread over all. */
function sample(candidates: Candidate[], limit: number): Candidate[] {
  const random = seededRandom(Number(seed))
  return candidates
    .map((candidate) => ({ candidate, order: random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

const directory = mkdtempSync(join(tmpdir(), 'attempt-mutants-'))
chmodSync(directory, 0o755)
const server = await startEmbedded(directory, {
  binaries: await embeddedBinaries(),
  settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'statement_timeout=20000'],
})
const totals = new Map<
  string,
  { tried: number; refused: number; noticed: number; equal: number; unclear: string[]; passed: string[] }
>()
try {
  const template = await makeTemplate(server.url)
  const clients = await Promise.all(
    Array.from({ length: connections }, async (_, at) => {
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      await admin.query(`create database mutants_${at} template ${new URL(template).pathname.slice(1)}`)
      await admin.end()
      const url = new URL(template)
      url.pathname = `/mutants_${at}`
      const client = new pg.Client({ connectionString: url.href })
      await client.connect()
      await loadCorpus(client)
      return client
    }),
  )
  const [first] = clients
  if (first === undefined) throw new Error('there is no connection')
  const chain = await chainOf(first)
  const groups: Record<string, Candidate[]> = {
    text: textMutants(chain),
    numbering: numberingMutants(chain),
    conditional: conditionalMutants(chain, seededRandom(Number(seed)), Number(count)),
  }
  for (const [group, all] of Object.entries(groups)) {
    const total = { tried: 0, refused: 0, noticed: 0, equal: 0, unclear: [] as string[], passed: [] as string[] }
    totals.set(group, total)
    const queue = sample(all, Number(count)).values()
    await Promise.all(
      clients.map(async (client) => {
        for (const { name, statements } of queue) {
          await client.query('begin')
          try {
            total.tried++
            for (const statement of statements) await client.query(statement)
          } catch {
            // no valid SQL, or other types: no mutant
            total.refused++
            await client.query('rollback')
            continue
          }
          const report = await checkContract(nested(client), attemptV1)
          if (report.status === 'fail') total.noticed++
          else if (report.status === 'error') total.unclear.push(name)
          else if (await differs(client)) total.passed.push(name)
          else total.equal++
          await client.query('rollback')
        }
      }),
    )
    console.log(`\n${group}: ${all.length} candidates, ${total.tried} tried, ${total.refused} no valid view, `)
    console.log(
      `${total.noticed} noticed, ${total.equal} of equal meaning, ${total.unclear.length} could not be checked, ` +
        `${total.passed.length} not noticed`,
    )
    for (const name of total.unclear) console.log(`  unclear  ${name}`)
    for (const name of total.passed) console.log(`  passed   ${name}`)
  }
  await Promise.all(clients.map((client) => client.end()))
} finally {
  await server.stop('immediate')
  rmSync(directory, { recursive: true, force: true })
}
