/**
 * The skips that are allowed, and where. With CI=true a skip that is not in this list fails the run, and so does one
 * whose condition does not hold on the machine.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { platform } from 'node:os'

export interface Skip {
  file: string
  name: string
  reason: string
}

interface AllowedSkip {
  /** Matched against the file, such as `test/drills/disk.test.ts`. */
  file: RegExp
  /** Matched against the reason that the test gives. */
  reason: RegExp
  /** Where the test cannot run. */
  where: string
  /** Whether this machine is such a place. */
  here: (skip: Skip) => boolean
}

const missing = (command: string, ...args: string[]) => spawnSync(command, args).status !== 0
const root = process.getuid?.() === 0
const major = Number(process.env['PGMAJOR'] ?? 18)

const allowed: AllowedSkip[] = [
  {
    file: /^test\/view\/examples/,
    reason: /^PostgreSQL \d+ has it first$/,
    where: 'PGMAJOR names a PostgreSQL without this locale provider',
    here: ({ reason }) => major < Number(/\d+/.exec(reason)?.[0]),
  },
  {
    file: /^test\/(database\/read-replicas|api\/changes|contract\/standby|drills\/failover)/,
    reason: /copied with cp$/,
    where: 'Windows: a standby starts from a folder copied with cp',
    here: () => platform() === 'win32',
  },
  {
    file: /^test\/(api\/streams|docs\/runbook|docs\/deploy)/,
    reason: /curl/,
    where: 'curl is not installed',
    here: () => missing('curl', '--version'),
  },
  {
    file: /^test\/docs\/followers/,
    reason: /curl, psql or bash/,
    where: 'curl, psql or bash is not installed',
    here: () => ['curl', 'psql', 'bash'].some((command) => missing(command, '--version')),
  },
  {
    file: /^test\/docs\/partial-dump/,
    reason: /pg_dump/,
    where: 'pg_dump or bash is not installed, or pg_dump is older than the server',
    here: () =>
      missing('bash', '--version') ||
      !(Number(/ (\d+)/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]) >= major),
  },
  {
    file: /^test\/docs\/(followers|examples)/,
    reason: /python3/,
    where: 'Python 3.10 or later is not installed',
    here: () => missing('python3', '-c', 'from collections import Counter; Counter().total()'),
  },
  {
    file: /^test\/(view\/truth|docs\/examples|api\/attempts)/,
    reason: /data folder|shared\/data/,
    where: '../shared/data with the real responses is not beside the project',
    here: () => !existsSync('../shared/data/verbagg.exam_results.ndjson.gz'),
  },
  {
    file: /^test\/contract\/odcs/,
    reason: /odcs-json-schema/,
    where: 'the published ODCS schema is not beside the project',
    here: () => !existsSync('../shared/data/odcs/odcs-json-schema-v3.1.0.json'),
  },
  {
    file: /^test\/drills\/silent/,
    reason: /network/,
    where: 'network namespaces cannot be made: not root, or no ip netns',
    here: () => {
      const name = `attempt-skip-${process.pid}`
      if (!root || missing('ip', 'netns', 'add', name)) return true
      spawnSync('ip', ['netns', 'delete', name])
      return false
    },
  },
  {
    file: /^test\/drills\/disk/,
    reason: /file system/,
    where: 'a tmpfs cannot be mounted: not root, or a container without the right',
    here: () => !root || missing('unshare', '--mount', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'attempt-skip', '/mnt'),
  },
]

/** @returns where the skip is allowed and whether that holds here; undefined where no entry of the list fits */
export function judge(skip: Skip): { where: string; holds: boolean } | undefined {
  const entry = allowed.find(({ file, reason }) => file.test(skip.file) && reason.test(skip.reason))
  return entry === undefined ? undefined : { where: entry.where, holds: entry.here(skip) }
}
