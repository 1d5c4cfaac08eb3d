/** Environment → checked, frozen Config. The only file that reads the environment. */
import { isIP } from 'node:net'

/** Routes that ask for no key unless configured otherwise; /metrics, if configured so. */
export const openGroups = ['health', 'contract', 'docs', 'metrics'] as const
export type OpenGroup = (typeof openGroups)[number]

/** Whose tokens are accepted: signed by a key at `jwksUrl`, of this issuer, for one of these audiences. */
export interface JwtSettings {
  issuer: string
  audience: readonly string[]
  jwksUrl: string
}

export interface Config {
  /** Undefined: embedded PostgreSQL, development only. */
  databaseUrl: string | undefined
  /** Where the store is, if not beside exam_results. */
  storeUrl: string | undefined
  /** Whether this process keeps the store in step, where one is enabled. */
  storeRefresh: boolean
  /** Seconds that the store may be behind and still be taken. */
  storeLagS: number
  /** Hours for which the feed of changes tells of keys that went. */
  storeRetentionH: number
  /** Standbys of `databaseUrl`, each one server. */
  readUrls: readonly string[]
  /** Seconds that a standby may be behind its primary and still be read. */
  readLagS: number
  production: boolean
  host: string
  /** 0: any free port. */
  port: number
  logLevel: string
  /** `none`: whoever reaches the service may ask everything, wherever it listens. `keys`: API keys, tokens or both. */
  access: 'none' | 'keys' | 'unsaid'
  /** Where the API keys are. */
  apiKeysFile: string | undefined
  /** Whose tokens are accepted, beside or instead of API keys. */
  jwt: JwtSettings | undefined
  accessOpen: ReadonlySet<OpenGroup>
  /** Origins whose pages may read answers in a browser. */
  corsOrigins: readonly string[]
  embeddedDirectory: string
  /** Connections for requests; two more serve health and the contract check. */
  poolSize: number
  /** Requests that may wait for one of them, on each server. */
  poolQueue: number
  /** Milliseconds from its arrival until a page is answered, or 504. */
  timeoutPageMs: number
  /** The same for aggregates. */
  timeoutAggregateMs: number
  /** The most that a request may ask for with Prefer: wait; also PostgreSQL's own limit of a statement. */
  timeoutMaxMs: number
  /** Data requests that a client may make within `rateWindowS`; 0: any number. */
  rateLimit: number
  rateWindowS: number
  /** Milliseconds that the event loop may be late before data requests are refused; 0: any. */
  overloadDelayMs: number
  /** Addresses and networks of the proxies whose X-Forwarded-For is believed; none: nobody's. */
  trustProxy: readonly string[]
  /** Seconds for which a connection without a request is kept. */
  keepAliveS: number
  /** Connections of clients at a time. */
  maxConnections: number
  slowQueryMs: number
  /** Connections for streams, and so how many run at a time. */
  streamPoolSize: number
  /** Seconds that a stream may take, however slow its reader; then it is cut off. */
  streamTimeoutS: number
  /** Seconds after a signal to stop in which everything is still served, while probes say that it leaves. */
  shutdownDelayS: number
  /** Seconds after that in which requests and streams may end; then they are cut, and the process ends. */
  shutdownGraceS: number
  /** The most item columns of the layout wide. */
  irtWideItems: number
  /** The most responses that minimum counts and readiness hold in memory: 4 bytes each, 8 in readiness. */
  irtResponses: number
  /** Milliseconds after which the contract check counts as not done. */
  contractTimeoutMs: number
  /** Seconds between the contract checks that /health reports. */
  contractIntervalS: number
  /** Seconds between the countings of anomalies for the metrics; 0: never. */
  anomaliesIntervalS: number
}

/** A URL whose answer nobody on the way can change. */
const isSafeUrl = (text: string): boolean =>
  URL.canParse(text) &&
  (/^https:/.test(text) || (/^http:/.test(text) && isLoopback(new URL(text).hostname.replace(/^\[|\]$/g, ''))))

/** Whether an address is reached from this machine only. */
const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|::1|(0+:){7}0*1|::ffff:127(\.\d{1,3}){3})$/i.test(host)

/**
 * Refuses to serve everybody by mistake. Only for the command that listens: the others run in the same environment.
 * @throws Error that says what to set
 */
export function checkListening({ host, access }: Pick<Config, 'host' | 'access'>): void {
  if (access !== 'unsaid' || isLoopback(host)) return
  throw new Error(
    `HOST=${host} can be reached from other machines and nothing says who may ask: set API_KEYS_FILE (attempt-api key create) or JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL, or ACCESS=none where something in front of the service checks access, or HOST=127.0.0.1.`,
  )
}

/** As far as the driver will read it: a socket's URL may have no host. */
const isDatabaseUrl = (text: string): boolean =>
  /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@host/'), 'postgres://host')
const urlForm = 'that begins with postgres:// or postgresql:// (in a password @ is written %40, / %2F, : %3A, # %23)'

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/**
 * Reads the configuration.
 * @throws one Error that names every problem at once
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = []
  const integer = (name: string, fallback: number, min: number, max: number) => {
    const text = env[name]
    if (text === undefined || text === '') return fallback
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    problems.push(`${name} must be a whole number from ${min} to ${max}`)
    return fallback
  }
  // addresses, not a count of hops: whoever reaches the port past the proxies could name any address
  const trustProxy = env['TRUST_PROXY'] ? env['TRUST_PROXY'].split(',').map((one) => one.trim()) : []
  const isNetwork = (one: string) => {
    const [address = '', bits, more] = one.split('/')
    return (
      isIP(address) > 0 &&
      more === undefined &&
      (bits === undefined ||
        (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (isIP(address) === 4 ? 32 : 128)))
    )
  }
  if (!trustProxy.every(isNetwork))
    problems.push('TRUST_PROXY must be addresses or networks (10.0.0.0/8), separated by commas')
  const production = env['NODE_ENV'] === 'production'
  const databaseUrl = env['DATABASE_URL'] || undefined
  if (databaseUrl !== undefined && !isDatabaseUrl(databaseUrl)) {
    problems.push(`DATABASE_URL must be a URL ${urlForm}`)
  }
  if (databaseUrl === undefined && production) {
    problems.push(
      'DATABASE_URL is not set: in production the service needs the URL of its PostgreSQL (the embedded one is for development)',
    )
  }
  const storeUrl = env['STORE_DATABASE_URL'] || undefined
  if (storeUrl !== undefined && !isDatabaseUrl(storeUrl)) problems.push(`STORE_DATABASE_URL must be a URL ${urlForm}`)
  // an empty piece is a mistake too: whoever sets two standbys and gets one would not notice
  const readUrls = env['DATABASE_READ_URL'] ? env['DATABASE_READ_URL'].split(',').map((url) => url.trim()) : []
  readUrls.forEach((url, index) => {
    if (!isDatabaseUrl(url))
      problems.push(
        `DATABASE_READ_URL must be URLs that begin with postgres:// or postgresql://, separated by commas (one in a password is written %2C): number ${index + 1} is none`,
      )
  })
  if (readUrls.length > 0 && databaseUrl === undefined)
    problems.push('DATABASE_READ_URL needs DATABASE_URL, whose standbys it names')
  const refresh = env['STORE_REFRESH'] || 'on'
  if (!['on', 'off'].includes(refresh)) problems.push('STORE_REFRESH must be on or off')
  const logLevel = env['LOG_LEVEL'] || 'info'
  if (!levels.includes(logLevel)) problems.push(`LOG_LEVEL must be one of ${levels.join(', ')}`)
  const list = (name: string) =>
    env[name]
      ? env[name]
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean)
      : []
  const apiKeysFile = env['API_KEYS_FILE'] || undefined
  const [issuer, jwksUrl, audience] = [
    env['JWT_ISSUER'] || undefined,
    env['JWT_JWKS_URL'] || undefined,
    list('JWT_AUDIENCE'),
  ]
  const jwt =
    issuer === undefined || jwksUrl === undefined || audience.length === 0
      ? undefined
      : { issuer, audience: Object.freeze(audience), jwksUrl }
  if (jwt === undefined && (issuer !== undefined || jwksUrl !== undefined || audience.length > 0))
    problems.push('JWT_ISSUER, JWT_AUDIENCE and JWT_JWKS_URL belong together: set all three or none')
  if (jwksUrl !== undefined && !isSafeUrl(jwksUrl))
    problems.push('JWT_JWKS_URL must be a URL that begins with https:// (http:// on the loopback address only)')
  const access = env['ACCESS'] || undefined
  if (access !== undefined && access !== 'none')
    problems.push('ACCESS can only be none; API_KEYS_FILE or the variables of JWT turn access control on')
  if (access === 'none' && (apiKeysFile !== undefined || jwt !== undefined))
    problems.push('ACCESS=none contradicts API_KEYS_FILE and JWT_ISSUER: leave out one or the other')
  const open = env['ACCESS_OPEN'] ? list('ACCESS_OPEN') : ['health', 'contract', 'docs']
  const closed = open.length === 1 && open[0] === 'none'
  if (!closed && open.some((one) => !(openGroups as readonly string[]).includes(one)))
    problems.push(`ACCESS_OPEN must be none, or any of ${openGroups.join(', ')}, separated by commas`)
  const corsOrigins = list('CORS_ORIGINS')
  for (const origin of corsOrigins) {
    if (!/^https?:/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin)
      problems.push(
        'CORS_ORIGINS must be origins as browsers write them (https://host, https://host:8443), separated by commas; * is none',
      )
  }
  const config: Config = {
    databaseUrl,
    storeUrl,
    storeRefresh: refresh === 'on',
    storeLagS: integer('STORE_LAG_S', 10, 1, 86_400),
    storeRetentionH: integer('STORE_RETENTION_H', 168, 1, 87_600),
    readUrls: Object.freeze(readUrls),
    // where the primary's log was is remembered for as long, four times a second
    readLagS: integer('READ_LAG_S', 10, 1, 3_600),
    production,
    host: env['HOST'] || '127.0.0.1',
    port: integer('PORT', 3000, 0, 65535),
    logLevel,
    access: apiKeysFile !== undefined || jwt !== undefined ? 'keys' : access === 'none' ? 'none' : 'unsaid',
    apiKeysFile,
    jwt,
    accessOpen: new Set(closed ? [] : (open as OpenGroup[])),
    corsOrigins: Object.freeze(corsOrigins),
    embeddedDirectory: env['EMBEDDED_DIRECTORY'] || '.data',
    poolSize: integer('POOL_SIZE', 10, 1, 1000),
    poolQueue: integer('POOL_QUEUE', 100, 1, 100_000),
    timeoutPageMs: integer('TIMEOUT_PAGE_MS', 30_000, 1, 3_600_000),
    timeoutAggregateMs: integer('TIMEOUT_AGGREGATE_MS', 60_000, 1, 3_600_000),
    timeoutMaxMs: integer('TIMEOUT_MAX_MS', 300_000, 1, 3_600_000),
    rateLimit: integer('RATE_LIMIT', 1_000, 0, 1_000_000_000),
    rateWindowS: integer('RATE_WINDOW_S', 10, 1, 3_600),
    overloadDelayMs: integer('OVERLOAD_DELAY_MS', 60, 0, 60_000),
    trustProxy: Object.freeze(trustProxy),
    keepAliveS: integer('KEEP_ALIVE_S', 72, 1, 3_600),
    maxConnections: integer('MAX_CONNECTIONS', 5_000, 1, 1_000_000),
    slowQueryMs: integer('SLOW_QUERY_MS', 500, 1, 3_600_000),
    streamPoolSize: integer('STREAM_POOL_SIZE', 4, 1, 1000),
    streamTimeoutS: integer('STREAM_TIMEOUT_S', 3_600, 1, 1_000_000),
    shutdownDelayS: integer('SHUTDOWN_DELAY_S', 0, 0, 3_600),
    shutdownGraceS: integer('SHUTDOWN_GRACE_S', 10, 0, 86_400),
    irtWideItems: integer('IRT_WIDE_ITEMS', 5_000, 1, 100_000),
    irtResponses: integer('IRT_RESPONSES', 20_000_000, 1, 2 ** 30),
    contractTimeoutMs: integer('CONTRACT_TIMEOUT_MS', 5_000, 1, 600_000),
    contractIntervalS: integer('CONTRACT_INTERVAL_S', 60, 1, 86_400),
    anomaliesIntervalS: integer('ANOMALIES_INTERVAL_S', 300, 0, 86_400),
  }
  if (config.timeoutMaxMs < Math.max(config.timeoutPageMs, config.timeoutAggregateMs))
    problems.push('TIMEOUT_MAX_MS must be at least TIMEOUT_PAGE_MS and TIMEOUT_AGGREGATE_MS')
  if (problems.length > 0) throw new Error([...new Set(problems)].join('; '))
  return Object.freeze(config)
}
