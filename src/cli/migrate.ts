import { Kysely, PostgresDialect, sql, type CompiledQuery } from 'kysely'
import type pg from 'pg'
import { buildIndexes, dropIndexes, indexStatement, indexStates, type IndexName } from '../database/indexes.js'
import { lock, migrateDown, migrateUp, migrationStatus } from '../database/migrator.js'
import { parse, UsageError, withPool, type Command } from './command.js'

async function up(pool: pg.Pool, withIndexes: boolean): Promise<number> {
  const steps = await migrateUp(pool)
  for (const { name } of steps) console.log(`applied ${name}`)
  if (steps.length === 0) console.log('Nothing to apply: every migration is there.')
  if (withIndexes) await buildIndexes(pool, (line) => { console.log(line) })
  else console.log('Indexes declined: a student or a range of days reads the whole table until they are built.')
  return 0
}

async function down(pool: pg.Pool): Promise<number> {
  const steps = await migrateDown(pool)
  for (const { name } of steps) console.log(`took back ${name}`)
  if (steps.length === 0) console.log('Nothing to take back: no migration is applied.')
  else await dropIndexes(pool)
  return 0
}

async function status(pool: pg.Pool): Promise<number> {
  for (const { name, executedAt } of await migrationStatus(pool)) {
    console.log(executedAt === undefined ? `${name} is pending.` : `${name} was applied at ${executedAt.toISOString()}.`)
  }
  for (const [name, state] of Object.entries(await indexStates(pool))) {
    console.log(state === 'ready' ? `Index ${name} is there.` : state === 'missing' ? `Index ${name} is missing.` : `Index ${name} is invalid: a build failed. migrate up builds it again.`)
  }
  return 0
}

/** Runs the pending migrations in a transaction that is rolled back, and shows their statements. */
async function plan(pool: pg.Pool): Promise<number> {
  const pending = (await migrationStatus(pool)).filter(({ executedAt }) => executedAt === undefined)
  const undo = new Error('rolled back')
  for (const { name } of pending) {
    const statements: string[] = []
    const log = (event: { query: CompiledQuery }) => { statements.push(event.query.sql) }
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), log })
    await db.transaction().execute(async (transaction) => {
      await sql`set local lock_timeout = '2s'`.execute(transaction)
      statements.length = 0
      await lock.migrations[name]?.up(transaction)
      throw undo
    }).catch((error: unknown) => { if (error !== undo) throw error })
    console.log(`-- ${name}\n${statements.filter((text) => /^\s*(create|comment|drop|alter)/i.test(text)).map((text) => `${text.trim()};`).join('\n\n')}`)
  }
  if (pending.length === 0) console.log('Nothing to apply: every migration is there.')
  const missing = Object.entries(await indexStates(pool)).filter(([, state]) => state !== 'ready').map(([name]) => name as IndexName)
  if (missing.length > 0) console.log(`\n-- outside a transaction; decline with --no-indexes\n${missing.map((name) => `${indexStatement(name)};`).join('\n')}`)
  return 0
}

export const migrate: Command = {
  summary: 'up, down, status or plan: the view and its indexes',
  help: `attempt-api migrate up [--no-indexes] | down | status | plan

up      applies what is pending in one transaction, then builds two indexes on exam_results concurrently
        --no-indexes leaves the other team's table as it is
down    takes the last migration back; refuses, naming them, while others depend on its views
status  says what is applied and what is pending
plan    prints the SQL that up would run, tried in a transaction that is rolled back; changes nothing`,
  async run(args, config) {
    const { values, positionals: [verb, ...rest] } = parse(args, { 'no-indexes': { type: 'boolean' } })
    const actions: Record<string, (pool: pg.Pool) => Promise<number>> = { up: (pool) => up(pool, values['no-indexes'] !== true), down, status, plan }
    const action = verb !== undefined && Object.hasOwn(actions, verb) ? actions[verb] : undefined
    if (action === undefined || rest.length > 0) throw new UsageError('migrate takes one of up, down, status, plan')
    return withPool(config(), action)
  },
}
