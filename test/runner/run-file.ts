/** Runs one test file in a process of its own and reads the TAP that it prints. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Parser, type Result } from 'tap-parser'
import { compiled } from './compile.js'

export interface Failure {
  name: string
  detail: string
}

export interface FileResult {
  file: string
  seconds: number
  passed: number
  failures: Failure[]
  skips: { name: string; reason: string }[]
  /** Everything the process printed on standard output. */
  tap: string
  /** And on standard error. */
  errors: string
}

/** Seconds for one file. Most take under 20; a busy machine may need many times that. */
const limitS = 600

const running = new Set<ChildProcess>()

/** Ends the files that run now; used where the run is interrupted. */
export function stopFiles(signal: NodeJS.Signals): void {
  for (const child of running) child.kill(signal)
}

const indented = (text: string) => text.trimEnd().replace(/^/gm, '    ')

function detailOf({ diag }: Result): string {
  const { diff, stack, at, ...rest } = (diag ?? {}) as Record<string, unknown>
  const place = at as { fileName?: string; lineNumber?: number } | undefined
  return [
    place?.fileName === undefined ? [] : `at ${place.fileName}:${place.lineNumber}`,
    typeof diff === 'string' ? diff : JSON.stringify(rest, null, 2),
    typeof stack === 'string' ? stack : [],
  ]
    .flat()
    .join('\n')
}

/** Counts the assertions of a file: those of its subtests, not the subtests themselves. */
function count(parser: Parser, result: Pick<FileResult, 'failures' | 'skips'> & { passed: number }): void {
  parser.on('child', (child: Parser) => {
    count(child, result)
  })
  parser.on('assert', (one: Result) => {
    const name = one.fullname
    const within = (failure: Failure) => failure.name.startsWith(`${name} > `)
    if (one.skip !== false) result.skips.push({ name, reason: one.skip === true ? '' : one.skip })
    // a subtest fails with what fails in it, or for its plan or its time
    else if (one.closingTestPoint ? !one.ok && !result.failures.some(within) : !one.ok)
      result.failures.push({ name, detail: detailOf(one) })
    else if (!one.closingTestPoint) result.passed++
  })
}

/** @returns what the file asserted; a file that crashes, hangs or prints half a report has a failure that says so */
export async function runFile(file: string, environment: NodeJS.ProcessEnv): Promise<FileResult> {
  const began = performance.now()
  const result: FileResult = { file, seconds: 0, passed: 0, failures: [], skips: [], tap: '', errors: '' }
  const child = spawn(process.execPath, ['--enable-source-maps', compiled(file)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, TAP_TIMEOUT: String(limitS) },
  })
  running.add(child)
  let complete = false
  const parser = new Parser({}, ({ ok, plan }) => {
    complete = ok && plan.end !== null
  })
  count(parser, result)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.tap += text
    parser.write(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.errors += text
  })
  // tap ends its tests itself after TAP_TIMEOUT and reports them; this is for a process that no longer can
  const timer = setTimeout(() => child.kill('SIGKILL'), (limitS + 20) * 1000)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  running.delete(child)
  parser.end()
  result.seconds = (performance.now() - began) / 1000
  if (result.failures.length === 0 && (code !== 0 || !complete))
    result.failures.push({
      name: `the process ended with ${code ?? signal} before its report was complete`,
      detail: result.tap.split('\n').slice(-30).join('\n'),
    })
  if (result.passed === 0 && result.failures.length === 0 && result.skips.length === 0)
    result.failures.push({ name: 'the file asserts nothing', detail: result.tap })
  // tests that --grep leaves out
  if (environment['TAP_GREP'] !== undefined)
    result.skips = result.skips.filter(({ reason }) => !reason.startsWith('filter: '))
  return result
}

/** The report of one file as a subtest, for `--reporter=tap`. */
export function asSubtest({ file, tap, failures, seconds }: FileResult, number: number): string {
  const body = tap.replace(/^TAP version 14\n/, '')
  return [
    `# Subtest: ${file}`,
    indented(body),
    `${failures.length === 0 ? 'ok' : 'not ok'} ${number} - ${file} # time=${Math.round(seconds * 1000)}ms`,
  ].join('\n')
}
