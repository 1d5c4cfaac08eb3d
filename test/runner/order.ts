/** Which files run first: the longest, so that none of them runs alone at the end. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileResult } from './run-file.js'

/** Seconds of the longest files, measured by `npm test -- --record`. A wrong number costs time, nothing else. */
const record = join('test', 'runner', 'seconds.json')
/** Shorter files are not listed. */
const leastS = 5

export const testFiles = (): string[] =>
  readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => join('test', name))
    .sort()

export function longestFirst(files: string[]): string[] {
  const seconds = JSON.parse(readFileSync(record, 'utf8')) as Record<string, number>
  return files.toSorted((a, b) => (seconds[b] ?? 0) - (seconds[a] ?? 0))
}

export function recordSeconds(results: FileResult[]): void {
  const long = results.filter(({ seconds }) => seconds >= leastS).toSorted((a, b) => b.seconds - a.seconds)
  const rounded = long.map(({ file, seconds }) => [file, Math.round(seconds)])
  writeFileSync(record, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`)
}
