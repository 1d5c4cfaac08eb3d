/** Environment → checked, frozen Config. The only file that reads the environment. */

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
  embeddedDirectory: string
  /** Connections for requests; two more serve health and the contract check. */
  poolSize: number
  /** Milliseconds after which PostgreSQL cancels a statement of a request. */
  statementTimeoutMs: number
  /** Connections for streams, and so how many run at a time. */
  streamPoolSize: number
  /** Seconds that a stream may take, however slow its reader; then it is cut off. */
  streamTimeoutS: number
  /** Seconds that streams may go on after a signal to stop. */
  shutdownGraceS: number
  /** The most item columns of the layout wide. */
  irtWideItems: number
  /** The most responses that minimum counts and readiness hold in memory: 4 bytes each, 8 in readiness. */
  irtResponses: number
  /** Milliseconds after which the contract check counts as not done. */
  contractTimeoutMs: number
  /** Seconds between the contract checks that /health reports. */
  contractIntervalS: number
}

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
  const production = env['NODE_ENV'] === 'production'
  const databaseUrl = env['DATABASE_URL'] || undefined
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    problems.push('DATABASE_URL must be a URL that begins with postgres:// or postgresql://')
  }
  if (databaseUrl === undefined && production) {
    problems.push('DATABASE_URL is not set: in production the service needs the URL of its PostgreSQL (the embedded one is for development)')
  }
  const storeUrl = env['STORE_DATABASE_URL'] || undefined
  if (storeUrl !== undefined && !/^postgres(ql)?:\/\//.test(storeUrl)) problems.push('STORE_DATABASE_URL must be a URL that begins with postgres:// or postgresql://')
  // an empty piece is a mistake too: whoever sets two standbys and gets one would not notice
  const readUrls = env['DATABASE_READ_URL'] ? env['DATABASE_READ_URL'].split(',').map((url) => url.trim()) : []
  readUrls.forEach((url, index) => {
    if (!/^postgres(ql)?:\/\//.test(url)) problems.push(`DATABASE_READ_URL must be URLs that begin with postgres:// or postgresql://, separated by commas (one in a password is written %2C): number ${index + 1} is none`)
  })
  if (readUrls.length > 0 && databaseUrl === undefined) problems.push('DATABASE_READ_URL needs DATABASE_URL, whose standbys it names')
  const refresh = env['STORE_REFRESH'] || 'on'
  if (!['on', 'off'].includes(refresh)) problems.push('STORE_REFRESH must be on or off')
  const logLevel = env['LOG_LEVEL'] || 'info'
  if (!levels.includes(logLevel)) problems.push(`LOG_LEVEL must be one of ${levels.join(', ')}`)
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
    embeddedDirectory: env['EMBEDDED_DIRECTORY'] || '.data',
    poolSize: integer('POOL_SIZE', 10, 1, 1000),
    statementTimeoutMs: integer('STATEMENT_TIMEOUT_MS', 30_000, 1, 3_600_000),
    streamPoolSize: integer('STREAM_POOL_SIZE', 4, 1, 1000),
    streamTimeoutS: integer('STREAM_TIMEOUT_S', 3_600, 1, 1_000_000),
    shutdownGraceS: integer('SHUTDOWN_GRACE_S', 10, 0, 86_400),
    irtWideItems: integer('IRT_WIDE_ITEMS', 5_000, 1, 100_000),
    irtResponses: integer('IRT_RESPONSES', 20_000_000, 1, 2 ** 30),
    contractTimeoutMs: integer('CONTRACT_TIMEOUT_MS', 5_000, 1, 600_000),
    contractIntervalS: integer('CONTRACT_INTERVAL_S', 60, 1, 86_400),
  }
  if (problems.length > 0) throw new Error(problems.join('; '))
  return Object.freeze(config)
}

