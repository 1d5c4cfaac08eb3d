import { readFile } from 'node:fs/promises'
import { createKey, namePattern, parseKeys, readMoment } from '../access/api-keys.js'
import { knownScopes, scopes } from '../access/caller.js'
import { parse, table, UsageError, type Command } from './command.js'

const yearMs = 365 * 86_400_000

function create(name: string | undefined, given: string[], expires: string): number {
  if (name === undefined || !namePattern.test(name))
    throw new UsageError('key create needs --name: letters, digits, dots, dashes and underscores, at most 64')
  if (given.length === 0 || knownScopes(given).size < given.length)
    throw new UsageError(`key create needs --scope, each any of ${scopes.join(', ')}, once`)
  const moment = readMoment(expires)
  if (!(moment > Date.now()))
    throw new UsageError(
      '--expires takes a date that is to come (2027-01-01: from its first moment in UTC on the key is refused) or a moment with its offset',
    )
  const { key, hash } = createKey()
  console.log(`The key, shown this once; who asks sends it as Authorization: Bearer KEY

${key}

Its entry in the list \`keys\` of API_KEYS_FILE, YAML and JSON alike:

${JSON.stringify({ name, sha256: hash, scopes: given, expires })}`)
  return 0
}

async function check(file: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`${file} cannot be read`)
  })
  const keys = (() => {
    try {
      return parseKeys(text)
    } catch (error) {
      throw new Error(`${file} cannot be used: ${(error as Error).message}`)
    }
  })()
  if (keys.length === 0) console.log('The file has no keys: whoever asks with one is refused.')
  else
    console.log(
      table([
        ['name', 'scopes', 'expires', ''],
        ...keys.map(({ name, scopes: given, expires }) => [
          name,
          [...given].join(' '),
          new Date(expires).toISOString(),
          expires <= Date.now() ? 'expired' : expires < Date.now() + 30 * 86_400_000 ? 'within 30 days' : '',
        ]),
      ]),
    )
  return 0
}

export const key: Command = {
  summary: 'create an API key, or check the file of keys',
  help: `attempt-api key create --name NAME --scope SCOPE [--scope SCOPE] [--expires DATE] | check [FILE]

create  prints a new key, once, and its entry for API_KEYS_FILE, which holds its SHA-256 only
        --scope    attempts:read (rows and aggregates), aggregates:read (aggregates without students), metrics:read
        --expires  a date or a moment with its offset; a year from today if left out
check   says whether FILE (or API_KEYS_FILE) can be used, and lists its keys; exit 1 where it cannot`,
  async run(args, config) {
    const {
      values,
      positionals: [verb, file, ...rest],
    } = parse(args, {
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      expires: { type: 'string' },
    })
    if (verb === 'create' && file === undefined)
      return create(
        values.name,
        values.scope ?? [],
        values.expires ?? new Date(Date.now() + yearMs).toISOString().slice(0, 10),
      )
    if (verb !== 'check' || rest.length > 0) throw new UsageError('key takes one of create, check')
    const place = file ?? config().apiKeysFile
    if (place === undefined) throw new UsageError('key check takes a file, or API_KEYS_FILE')
    return check(place)
  },
}
