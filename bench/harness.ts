/** For every suite: a PostgreSQL with exams, the service as a process of its own, and a table of figures. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { cohort, type CohortOptions } from '../src/development/cohort.js'
import { freePort, startEmbedded } from '../src/development/embedded.js'
import { buildIndexes } from '../src/migrate/indexes.js'
import { loadExamResults } from '../src/development/load.js'
import { migrateUp } from '../src/migrate/runner.js'
import { createExamResults } from '../src/development/exam-results.js'

export interface Service {
  url: string
  startedMs: number
  residentMb(what: 'VmRSS' | 'VmHWM'): number
  stop(): Promise<void>
}

export interface Bench {
  url: string
  pool: pg.Pool
  cohort: CohortOptions
  /** SIZE of the command line, or the default of the suite. */
  size: number
  /** Loads more exams; `users` is a prefix of the user ids. */
  load(options: CohortOptions, users: string): Promise<void>
  serve(settings?: Record<string, string>): Promise<Service>
}

export interface Figures {
  /**
   * Adds a figure; without `limit` it is only information.
   * @param most true: the ratio may be at most the limit; false: it must be at least the limit
   */
  report(figure: string, measured: string, ratio?: number, limit?: number, most?: boolean): void
  /** Prints the table. @returns whether every limit holds */
  table(): boolean
}

export function figures(): Figures {
  const results: {
    figure: string
    measured: string
    ratio: number | string
    limit: string
    holds: boolean | string
  }[] = []
  return {
    report(figure, measured, ratio, limit, most = true) {
      const unlimited = ratio === undefined || limit === undefined
      results.push({
        figure,
        measured,
        ratio: ratio === undefined ? '' : Math.round(ratio * 1000) / 1000,
        limit: unlimited ? '' : `${most ? '<=' : '>='} ${limit}`,
        holds: unlimited ? '' : most ? ratio <= limit : ratio >= limit,
      })
      console.log(`${figure}: ${measured}`)
    },
    table() {
      console.table(results)
      return results.every((result) => result.holds !== false)
    },
  }
}

export const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
export const quantile = (values: number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number

/** Milliseconds that an action takes. */
export async function taken(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

/** Milliseconds of each of several runs. */
export async function times(runs: number, action: () => Promise<unknown>): Promise<number[]> {
  const list: number[] = []
  for (let run = 0; run < runs; run++) list.push(await taken(action))
  return list
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** Runs a command without its output. @throws Error where it fails */
function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } })
    child.once('error', fail)
    child.once('exit', (code) => {
      if (code === 0) done()
      else fail(new Error(`${command} ended with ${code}`))
    })
  })
}

export const curl = (url: string, ...options: string[]) =>
  run('curl', ['--silent', '--show-error', '--fail', '--output', '/dev/null', ...options, url])

/** Milliseconds that psql takes to COPY a select as CSV. */
export const psql = (url: string, select: string, settings = ''): Promise<number> =>
  taken(() => run('psql', ['-q', '-d', url, '-c', `copy (${select}) to stdout csv`], { PGOPTIONS: settings }))

export async function get(url: string): Promise<void> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

async function serve(databaseUrl: string, settings: Record<string, string>): Promise<Service> {
  const start = performance.now()
  const port = await freePort()
  const child: ChildProcess = spawn(process.execPath, ['dist/src/cli/main.js', 'serve'], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      NODE_ENV: 'production',
      PORT: String(port),
      LOG_LEVEL: 'warn',
      TIMEOUT_PAGE_MS: '600000',
      TIMEOUT_AGGREGATE_MS: '600000',
      TIMEOUT_MAX_MS: '600000',
      RATE_LIMIT: '0',
      ...settings,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    try {
      if ((await fetch(`${url}/health/ready`)).ok) break
    } catch {
      /* not listening yet */
    }
    if (child.exitCode !== null) throw new Error('the service did not start')
    await new Promise((again) => setTimeout(again, 10))
  }
  return {
    url,
    startedMs: performance.now() - start,
    residentMb: (what) =>
      Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Runs a suite on `exams` exams of 50 questions in a new embedded PostgreSQL, which is removed afterwards. */
export async function withBench(
  { exams, size }: { exams: number; size: number },
  suite: (bench: Bench) => Promise<void>,
): Promise<void> {
  if (spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0)
    throw new Error('the service does not build')
  const directory = mkdtempSync(join(tmpdir(), 'attempt-bench-'))
  chmodSync(directory, 0o755)
  const embedded = await startEmbedded(directory, {
    settings: ['fsync=off', 'shared_buffers=1GB', 'max_wal_size=4GB', 'work_mem=256MB'],
  })
  const pool = new pg.Pool({ connectionString: embedded.url, max: 4 }).on('error', () => undefined)
  const services: Service[] = []
  try {
    const processors = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
    console.log(`${processors}, Node ${process.version}, PostgreSQL 18; ${exams} exams of 50 questions`)
    const base: CohortOptions = {
      exams,
      questions: 50,
      students: Math.max(10, exams / 10),
      items: 1000,
      days: 100,
      end: new Date('2026-01-01T00:00:00Z'),
      seed: 1,
    }
    const load = async (options: CohortOptions, users: string) => {
      await loadExamResults(
        pool,
        (function* () {
          for (const exam of cohort(options)) yield JSON.stringify({ ...exam, user_id: `${users}${exam.user_id}` })
        })(),
      )
      await pool.query('vacuum analyze exam_results')
    }
    await pool.query(createExamResults)
    // the platform's index on result_json is used by none of these reads and takes most of the loading time
    await pool.query('drop index ix_exam_results_result_json')
    await migrateUp(pool)
    await load(base, '')
    await buildIndexes(pool, () => undefined)
    await suite({
      url: embedded.url,
      pool,
      cohort: base,
      size,
      load,
      async serve(settings = {}) {
        const service = await serve(embedded.url, settings)
        services.push(service)
        return service
      },
    })
  } finally {
    // a suite that fails leaves its service running
    for (const service of services) await service.stop()
    await pool.end()
    await embedded.stop('immediate')
    rmSync(directory, { recursive: true, force: true })
  }
}
