import type pg from 'pg'
import type { Config } from '../config.js'
import { buildIndexes, dropIndexes, indexStates, whyNoIndexes, type IndexState } from '../migrate/indexes.js'
import { missingViewMessage, readLedger, viewIsMissing } from '../migrate/ledger.js'
import { LockTimeout } from '../migrate/retry-budget.js'
import { describePlan } from '../migrate/describe-plan.js'
import { planUp } from '../migrate/plan.js'
import { ContractRefused, migrateDown, migrateUp } from '../migrate/runner.js'
import { viewMigrations } from '../migrate/migration-sets.js'
import { migrationStatus } from '../migrate/status.js'
import { openPool, parse, seconds, UsageError, withPool, type Command } from './command.js'
import { couldNotAsk, refusesRole } from './failure.js'

const exits = { current: 0, pending: 4, other: 5 } as const

interface Options {
  waitMs: number
  replace: boolean
  again: boolean
  indexes: boolean
  json: boolean
  checkMs: number
  storeUrl: string | undefined
}

/** Of a statement that is no migration's own. */
const answerMs = 60_000

const say = (line: string) => {
  console.log(line)
}

/** @throws Error before anything is changed, where what comes after the transaction would be refused. @returns whether there is something to do */
async function indexesToDo(pool: pg.Pool, done: IndexState): Promise<boolean> {
  if (Object.values(await indexStates(pool)).every((state) => state === done)) return false
  const why = await whyNoIndexes(pool)
  if (why !== undefined) throw new Error(`${why}; nothing was changed.`)
  return true
}

async function mindHistory(pool: pg.Pool): Promise<void> {
  const { edited, unknown } = await readLedger(pool, viewMigrations)
  if (edited.length + unknown.length > 0) say(`Mind ${[...edited, ...unknown].join(', ')}: migrate status says why.`)
}

async function up(pool: pg.Pool, { waitMs, replace, again, indexes, checkMs }: Options): Promise<number> {
  if (indexes) await indexesToDo(pool, 'ready')
  const steps = await migrateUp(pool, viewMigrations, { waitMs, replace, again, checkMs, say })
  for (const { name } of steps) say(`applied ${name}`)
  if (steps.length === 0) {
    say('Nothing to apply: every migration is there.')
    if (replace)
      say('--replace alone changes nothing where every migration is applied: migrate up --again --replace does.')
    if (await viewIsMissing(pool)) throw new Error(missingViewMessage)
  }
  await mindHistory(pool)
  if (indexes) await buildIndexes(pool, say, { waitMs })
  else say('Indexes declined: a student or a range of days reads the whole table until they are built.')
  return 0
}

async function down(pool: pg.Pool, { waitMs, indexes }: Options): Promise<number> {
  // also those that an earlier down had no time for
  const dropping = indexes && (await indexesToDo(pool, 'missing'))
  const steps = await migrateDown(pool, viewMigrations, { waitMs, say })
  for (const { name } of steps) say(`took back ${name}`)
  if (steps.length === 0)
    say(`Nothing to take back: no migration is applied${dropping ? '; the indexes that are left are dropped' : ''}.`)
  if (dropping) await dropIndexes(pool, { waitMs })
  return 0
}

async function status(pool: pg.Pool, { json, storeUrl }: Options): Promise<number> {
  const storePool = storeUrl === undefined ? undefined : openPool(storeUrl, 'STORE_DATABASE_URL', { answerMs })
  const found = await migrationStatus(pool, viewMigrations, storePool).finally(() => storePool?.end())
  say(json ? JSON.stringify(found, null, 2) : found.lines.join('\n'))
  return exits[found.state]
}

async function plan(pool: pg.Pool, { replace, again, json, checkMs }: Options): Promise<number> {
  const found = await planUp(pool, viewMigrations, { replace, again, checkMs })
  say(json ? JSON.stringify(found, null, 2) : describePlan(found))
  if (!json) await mindHistory(pool)
  if (found.pending.length === 0 && (await viewIsMissing(pool))) throw new Error(missingViewMessage)
  return 0
}

/**
 * 3: not asked, try again. 6: others hold what is needed. 1: refused or failed. In each nothing was changed. A missing
 * right is a refusal, which a pipeline must not repeat; a status that may not be read is one that is not known.
 */
function exitOf(error: unknown, verb: string): number {
  if (error instanceof LockTimeout) return 6
  if (error instanceof ContractRefused) return error.report.status === 'fail' ? 1 : 3
  return couldNotAsk(error) || (verb === 'status' && refusesRole(error)) ? 3 : 1
}

export const migrate: Command = {
  summary: 'up, down, status or plan: the view and its indexes',
  help: `attempt-api migrate up [--wait 60] [--replace] [--again] [--no-indexes] | down [--wait 60] [--no-indexes] | status [--json] | plan [--replace] [--again] [--json]

up      applies what is pending in one transaction, which commits only what passes the contract check, then builds two
        indexes on exam_results concurrently. A lock that others hold is waited for 2 s at a time, so that nobody
        queues behind it for longer; runners beside each other wait for one another
        --wait SECONDS   gives up after that, saying who is in the way
        --replace        recreates a view attempt that has other columns, its dependants and grants with it, or nothing
        --again          applies what is applied already once more: mends views that were changed past this command
        --no-indexes     leaves the other team's table as it is
down    takes the last migration back and drops the indexes; refuses, naming them, while others depend on its views,
        and while there is a store
status  says what is applied (when, with which hash), pending, edited since, and not known to this version; of a
        store as well, in STORE_DATABASE_URL where that is set
plan    prints the SQL that up would run, the locks it takes and the dependants of the view, from a trial that is
        rolled back; changes nothing and waits for a lock no longer than 2 s, during which, as during the trial's
        contract check, readers of a view that would be replaced wait

exit    0 done, or up to date   1 refused or failed (a right that is missing, too), nothing changed   2 usage
        3 the database could not be asked or the view not checked, try again   4 status: pending
        5 status: edited since, from a newer version, or the view is gone   6 a lock was not to be had in time, try again`,
  async run(args, config) {
    const {
      values,
      positionals: [verb, ...rest],
    } = parse(args, {
      'no-indexes': { type: 'boolean' },
      replace: { type: 'boolean' },
      again: { type: 'boolean' },
      json: { type: 'boolean' },
      wait: { type: 'string', default: '60' },
    })
    const actions: Record<string, (pool: pg.Pool, options: Options) => Promise<number>> = { up, down, status, plan }
    const action = verb !== undefined && Object.hasOwn(actions, verb) ? actions[verb] : undefined
    if (action === undefined || rest.length > 0) throw new UsageError('migrate takes one of up, down, status, plan')
    const waitMs = seconds('wait', values.wait) * 1_000
    const settings: Config = config()
    try {
      return await withPool(
        settings,
        (pool) =>
          action(pool, {
            waitMs,
            replace: values.replace === true,
            again: values.again === true,
            indexes: values['no-indexes'] !== true,
            json: values.json === true,
            checkMs: settings.contractTimeoutMs,
            storeUrl: settings.storeUrl,
          }),
        { answerMs },
      )
    } catch (error) {
      throw Object.assign(error as Error, { exitCode: exitOf(error, verb as string) })
    }
  },
}
