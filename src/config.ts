/** Reads the environment into a checked, frozen `Config`. No other file reads the environment. */
import { databaseUrlProblem } from './config/database-url.js'
import { isLoopback } from './config/formats.js'
import { misspelledVariables } from './config/misspelled.js'
import { readVariable, type ValueOf } from './config/variable.js'
import { openGroups, variables } from './config/variables.js'

export { openGroups } from './config/variables.js'
export type OpenGroup = (typeof openGroups)[number]

/** Accepted tokens: from this issuer, for one of these audiences, signed by a key at `jwksUrl`. */
export interface JwtSettings {
  issuer: string
  audience: readonly string[]
  jwksUrl: string
}

type Settings = { -readonly [Key in keyof typeof variables]: ValueOf<(typeof variables)[Key]> }

/** Variables that `Config` has in another form. */
type Derived = 'nodeEnv' | 'storeRefresh' | 'access' | 'accessOpen' | 'jwtIssuer' | 'jwtAudience' | 'jwtJwksUrl'

/** The configuration. src/config/variables.ts describes each variable. */
export interface Config extends Readonly<Omit<Settings, Derived>> {
  /** NODE_ENV=production. */
  readonly production: boolean
  /** Whether this process runs a refresher where a store is enabled. */
  readonly storeRefresh: boolean
  /** `none`: every caller may read everything. `keys`: API keys, tokens or both. `unset`: loopback addresses only. */
  readonly access: 'none' | 'keys' | 'unset'
  /** Accepted tokens, beside or instead of API keys. */
  readonly jwt: JwtSettings | undefined
  /** Endpoints that need no key. */
  readonly accessOpen: ReadonlySet<OpenGroup>
  /** Warnings for the log, about variables that are set and have no effect. */
  readonly warnings: readonly string[]
}

/**
 * Refuses to listen on a public address without access control. Only the command that listens calls it: the other
 * commands run in the same environment and need no access control.
 * @throws Error that names the variables to set
 */
export function checkListening({ host, access }: Pick<Config, 'host' | 'access'>): void {
  if (access !== 'unset' || isLoopback(host)) return
  throw new Error(
    `HOST=${host} can be reached from other machines and no access control is configured. ` +
      'Set API_KEYS_FILE (attempt-api key create) or JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL, ' +
      'or ACCESS=none where something in front of the service checks access, or HOST=127.0.0.1.',
  )
}

/** Problems of the URLs that are not those of a single variable's form. */
function urlProblems(env: NodeJS.ProcessEnv): Map<string, string> {
  const urls = [
    ['DATABASE_URL', [env['DATABASE_URL'] ?? '']],
    ['STORE_DATABASE_URL', [env['STORE_DATABASE_URL'] ?? '']],
    ['DATABASE_READ_URL', (env['DATABASE_READ_URL'] ?? '').split(',').map((url) => url.trim())],
  ] as const
  return new Map(
    urls.flatMap(([name, values]) => {
      const problem = values.map((url) => databaseUrlProblem(name, url)).find((found) => found !== undefined)
      return problem === undefined ? [] : [[name, problem]]
    }),
  )
}

/** Reads and checks each variable by itself. */
function readSettings(env: NodeJS.ProcessEnv): { settings: Settings; problems: string[] } {
  const ofUrls = urlProblems(env)
  const read = Object.entries(variables).map(([key, variable]) => {
    const { value, problems } = readVariable<unknown>(variable, env[variable.name])
    const problem = ofUrls.get(variable.name)
    return { key, value, problems: problem === undefined ? problems : [problem] }
  })
  return {
    settings: Object.fromEntries(read.map(({ key, value }) => [key, value])) as Settings,
    problems: read.flatMap(({ problems }) => problems),
  }
}

/** Checks the rules between variables. @returns one sentence per broken rule */
function contradictions(settings: Settings, env: NodeJS.ProcessEnv): string[] {
  const { access, accessOpen, apiKeysFile, timeoutMaxMs, timeoutPageMs, timeoutAggregateMs } = settings
  const jwt = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'].filter((name) => (env[name] ?? '').replace(/[, ]/g, ''))
  const rules: [broken: boolean, sentence: string][] = [
    [
      settings.nodeEnv === 'production' && !env['DATABASE_URL'],
      'DATABASE_URL is not set: with NODE_ENV=production the service needs the URL of its PostgreSQL ' +
        '(the embedded one is for development).',
    ],
    [
      Boolean(env['DATABASE_READ_URL']) && !env['DATABASE_URL'],
      'DATABASE_READ_URL needs DATABASE_URL, the primary of these standbys.',
    ],
    [
      jwt.length === 1 || jwt.length === 2,
      `JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL belong together: set all three or none; only ${jwt.join(' and ')} ` +
        `${jwt.length === 1 ? 'is' : 'are'} set.`,
    ],
    [
      access === 'none' && (apiKeysFile !== undefined || jwt.length === 3),
      'ACCESS=none contradicts API_KEYS_FILE and JWT_ISSUER: leave out one or the other.',
    ],
    [
      accessOpen.length > 1 && accessOpen.includes('none'),
      'ACCESS_OPEN=none cannot be combined with other words: leave out none, or set ACCESS_OPEN=none alone.',
    ],
    [
      timeoutMaxMs < Math.max(timeoutPageMs, timeoutAggregateMs),
      `TIMEOUT_MAX_MS=${timeoutMaxMs} must be at least TIMEOUT_PAGE_MS=${timeoutPageMs} ` +
        `and TIMEOUT_AGGREGATE_MS=${timeoutAggregateMs}.`,
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

/**
 * Reads the configuration.
 * @throws Error with one sentence per problem
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const { settings, problems } = readSettings(env)
  problems.push(...contradictions(settings, env))
  if (problems.length > 0) throw new Error(problems.join(' '))
  const { nodeEnv, storeRefresh, access, accessOpen, jwtIssuer, jwtAudience, jwtJwksUrl, ...rest } = settings
  const jwt =
    jwtIssuer === undefined || jwtJwksUrl === undefined
      ? undefined
      : { issuer: jwtIssuer, audience: jwtAudience, jwksUrl: jwtJwksUrl }
  return Object.freeze({
    ...rest,
    production: nodeEnv === 'production',
    storeRefresh: storeRefresh === 'on',
    access: rest.apiKeysFile !== undefined || jwt !== undefined ? 'keys' : access === 'none' ? 'none' : 'unset',
    jwt,
    accessOpen: new Set(openGroups.filter((group) => accessOpen.includes(group))),
    warnings: Object.freeze([
      ...misspelledVariables(
        Object.keys(env).filter((name) => env[name]),
        Object.values(variables).map(({ name }) => name),
      ),
      ...(nodeEnv === undefined || ['production', 'development', 'test'].includes(nodeEnv)
        ? []
        : [`NODE_ENV=${nodeEnv.slice(0, 40)} has no effect; did you mean NODE_ENV=production?`]),
    ]),
  })
}
