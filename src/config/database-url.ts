/** Finds what the driver ignores or meets late in the URL of a database: several hosts, modes and files of TLS. */
import { accessSync, constants } from 'node:fs'

const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const tlsFiles = ['sslrootcert', 'sslcert', 'sslkey']

const severalHosts = (name: string) =>
  `${name} names several hosts, and the service connects to one server per URL: name the primary alone` +
  (name === 'DATABASE_URL' ? ', and its standbys in DATABASE_READ_URL.' : '.')

/** @returns one sentence without a secret; undefined if nothing is wrong */
export function databaseUrlProblem(name: string, url: string): string | undefined {
  if (/^postgres(ql)?:\/\/([^@/]*@)?[^/?#]*,/.test(url)) return severalHosts(name)
  // the URL of a Unix socket may have no host
  const text = url.replace('@/', '@host/')
  if (!URL.canParse(text, 'postgres://host')) return undefined
  const { searchParams } = new URL(text, 'postgres://host')
  if (searchParams.get('host')?.includes(',') === true || searchParams.get('port')?.includes(',') === true)
    return severalHosts(name)
  const mode = searchParams.get('sslmode')
  if (mode !== null && !tlsModes.includes(mode))
    return (
      `${name} has sslmode=${JSON.stringify(mode.slice(0, 40))}; it must be one of ${tlsModes.join(', ')}, ` +
      'for example sslmode=verify-full.'
    )
  for (const parameter of tlsFiles) {
    const file = searchParams.get(parameter)
    if (file === null || file === 'system') continue
    try {
      accessSync(file, constants.R_OK)
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException
      return `${name} has ${parameter}=${file}, which this user cannot read (${code}); name a file that is there.`
    }
  }
  return undefined
}
