/** Installs the server binaries of the older major versions, where a command needs them. */
import { spawnSync } from 'node:child_process'
import { majorBinaries } from './binaries.js'

const areInstalled = async (majors: readonly string[]) =>
  (
    await Promise.all(
      majors.map((major) =>
        majorBinaries(major).then(
          () => true,
          () => false,
        ),
      ),
    )
  ).every(Boolean)

/** Installs what is missing; ends the process if that fails. */
export async function installMajors(majors: readonly string[]): Promise<void> {
  if (await areInstalled(majors)) return
  // not `--prefix`: npm would ignore the machine's own settings (proxy, certificates)
  spawnSync('npm', ['ci'], { cwd: 'test/majors', stdio: 'inherit', shell: process.platform === 'win32' })
  // npm counts an optional dependency that could not be fetched as a success
  if (await areInstalled(majors)) return
  console.error('The older servers could not be installed: see the lines above.')
  process.exit(1)
}
