/** What a person reads during a run and after it. */
import { judge, type Skip } from './skips.js'
import type { FileResult } from './run-file.js'

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
const indented = (text: string) => text.trimEnd().replace(/^/gm, '      ')

/** One line for a file that ended, and what failed in it. */
export function progress(one: FileResult, done: number, files: number): string {
  const { file, seconds, passed, failures, skips, errors } = one
  const counts = [
    plural(passed, 'assertion'),
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skips.length > 0 ? [`${skips.length} skipped`] : []),
  ]
  const line =
    `${failures.length === 0 ? 'ok    ' : 'FAILED'} ${String(done).padStart(String(files).length)}/${files} ` +
    `${file.padEnd(40)} ${seconds.toFixed(1).padStart(6)} s  ${counts.join(', ')}`
  if (failures.length === 0) return line
  return [
    line,
    ...failures.flatMap(({ name, detail }) => [`    ${name}`, indented(detail)]),
    ...(errors === ''
      ? []
      : ['    standard error, its end:', indented(errors.trimEnd().split('\n').slice(-40).join('\n'))]),
  ].join('\n')
}

function table(rows: string[][]): string {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), [])
  return rows.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd()).join('\n')
}

export interface Summary {
  text: string
  passed: number
  failed: number
  skipped: number
}

/** Counts of the whole run, the slowest files and every skip. With `strict`, a skip that is not allowed here fails. */
export function summarize(results: FileResult[], seconds: number, strict: boolean): Summary {
  const skips: Skip[] = results.flatMap(({ file, skips }) => skips.map((skip) => ({ file, ...skip })))
  const judged = skips.map((skip) => ({ ...skip, verdict: judge(skip) }))
  const refused = judged.filter(({ verdict }) => verdict?.holds !== true)
  const passed = results.reduce((sum, one) => sum + one.passed, 0)
  const failed = results.reduce((sum, one) => sum + one.failures.length, 0) + (strict ? refused.length : 0)
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, 10)
  const parts = [
    'The slowest files:',
    table(slowest.map(({ file, seconds, passed }) => [`${seconds.toFixed(1)} s`.padStart(8), file, `${passed}`])),
  ]
  if (judged.length > 0)
    parts.push(
      'Skipped:',
      table(
        judged.map(({ file, name, reason, verdict }) => [
          file,
          name,
          verdict === undefined
            ? `NOT IN THE LIST of test/runner/skips.ts (${reason})`
            : verdict.holds
              ? `allowed: ${verdict.where}`
              : `NOT ALLOWED HERE, but where ${verdict.where} (${reason})`,
        ]),
      ),
    )
  const broken = results.filter(({ failures }) => failures.length > 0)
  if (broken.length > 0)
    parts.push(
      'Failed:',
      table(broken.map(({ file, failures }) => [file, ...failures.slice(0, 1).map(({ name }) => name)])),
    )
  parts.push(
    `${plural(results.length, 'file')}, ${plural(passed + failed, 'assertion')}, ${seconds.toFixed(0)} s`,
    `# { total: ${passed + failed + skips.length}, pass: ${passed}, fail: ${failed}, skip: ${skips.length} }`,
  )
  return { text: parts.join('\n'), passed, failed, skipped: skips.length }
}
