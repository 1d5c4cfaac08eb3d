import { createKey, namePattern, readMoment } from '../../access/api-keys.js'
import { knownScopes, scopes } from '../../access/caller.js'
import { defineCommand, text, texts, UsageError } from '../command.js'

const yearMs = 365 * 86_400_000

export const create = defineCommand({
  examples: [
    ['attempt-api key create --name nightly-kpi --scope aggregates:read', 'a key for aggregates, valid for one year'],
    [
      'attempt-api key create --name research --scope attempts:read --scope metrics:read --expires 2027-01-01',
      'a key with two scopes, refused from 2027-01-01T00:00:00Z on',
    ],
  ],
  description: `
    Prints a new key, once, and the entry for API_KEYS_FILE, which holds only the SHA-256 of the key.

    Scopes: attempts:read (rows and aggregates), aggregates:read (aggregates without students), metrics:read
    (/metrics).`,
  options: {
    name: text({ value: 'NAME', help: 'name of the caller in logs and metrics; required' }),
    scope: texts({ value: 'SCOPE', help: 'what the key allows; required, may be repeated' }),
    expires: text({
      value: 'DATE',
      help: 'first day (UTC) on which the key is refused, or a moment with its offset',
      fallback: 'one year from today',
    }),
  },
  exits: { 0: 'printed', 2: 'a name, scope or date is missing or invalid' },
  run({ name, scope, expires = new Date(Date.now() + yearMs).toISOString().slice(0, 10) }) {
    if (name === undefined || !namePattern.test(name))
      throw new UsageError(
        'key create needs --name with letters, digits, dots, dashes and underscores, at most 64, such as nightly-kpi' +
          (name === undefined ? '' : `; got "${name}"`),
      )
    if (scope.length === 0 || knownScopes(scope).size < scope.length)
      throw new UsageError(
        `key create needs --scope, one or several of ${scopes.join(', ')}, each at most once` +
          (scope.length === 0 ? '' : `; got ${scope.map((one) => `"${one}"`).join(', ')}`),
      )
    if (!(readMoment(expires) > Date.now()))
      throw new UsageError(
        '--expires must be a future date, such as 2027-01-01 (refused from its first moment in UTC on), ' +
          `or a moment with its offset; got "${expires}"`,
      )
    const { key, hash } = createKey()
    console.log(`The key, shown only once. Callers send it as Authorization: Bearer KEY

${key}

Its entry for the list \`keys\` of API_KEYS_FILE, valid as YAML and JSON:

${JSON.stringify({ name, sha256: hash, scopes: scope, expires })}`)
    return Promise.resolve(0)
  },
})
