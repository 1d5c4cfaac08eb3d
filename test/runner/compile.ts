/** Compiles the tests once, with everything they import, instead of each file on its own. */
import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'

export const built = 'dist-test'

/** @throws Error where TypeScript finds a mistake, which it has printed */
export function compile(): void {
  const { status } = spawnSync(
    process.execPath,
    [
      join('node_modules', 'typescript', 'bin', 'tsc'),
      ...['--outDir', built, '--incremental', '--tsBuildInfoFile', join(built, '.tsbuildinfo')],
    ],
    { stdio: 'inherit' },
  )
  if (status !== 0) throw new Error('The tests do not compile.')
}

/** The compiled form of a test file, such as `test/config.test.ts`. */
export const compiled = (file: string): string => join(built, relative('.', file).replace(/ts$/, 'js'))
