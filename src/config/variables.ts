/**
 * The list of configuration variables. Parsing, checking, `Config` and docs/configuration.md are derived from it.
 * To add a variable, add an entry here and run `npm run generate`.
 */
import { choice, integer, list, text } from './variable.js'
import { isDatabaseUrl, isHost, isNetwork, isOrigin, isSafeUrl, isZone } from './formats.js'

/** Groups of endpoints that can be open without a key; `metrics` is open only if ACCESS_OPEN names it. */
export const openGroups = ['health', 'contract', 'docs', 'metrics'] as const

const databaseUrl =
  'a URL that begins with postgres:// or postgresql:// (in a password write @ as %40, / as %2F, : as %3A, # as %23)'

/** Sections of the documentation, in this order. */
export const groups = {
  Database: {
    databaseUrl: text('DATABASE_URL', {
      default: undefined,
      allowed: databaseUrl,
      example: 'postgres://user:password@host:5432/database',
      valid: isDatabaseUrl,
      isUrl: true,
      description:
        'PostgreSQL 14 to 18, encoding UTF8, with the table `exam_results`. ' +
        'Unset: an embedded PostgreSQL with sample data, for development only. ' +
        'For a schema other than `public` append `?options=-c%20search_path%3Dexam` (to the other URLs too), ' +
        'or run `alter role ... set search_path`',
    }),
    readUrls: list('DATABASE_READ_URL', {
      allowed: 'URLs that begin with postgres:// or postgresql:// (in a password write a comma as %2C)',
      example: 'postgres://user:password@standby:5432/database',
      valid: isDatabaseUrl,
      isUrl: true,
      keepEmpty: true,
      description: 'Standbys of `DATABASE_URL` to read from, separated by commas; each URL is one server',
      see: 'standbys.md',
    }),
    // the maximum bounds memory: the positions of the primary's log are kept for this time, four per second
    readLagS: integer('READ_LAG_S', {
      default: 10,
      minimum: 1,
      maximum: 3_600,
      unit: 's',
      description: 'The service does not read a standby that is further behind',
      see: 'standbys.md',
    }),
    poolSize: integer('POOL_SIZE', {
      default: 10,
      minimum: 1,
      maximum: 1_000,
      unit: 'connections',
      description: 'Connections for pages and aggregates, per server. A replica needs more than these',
      see: 'limits.md#connections-to-postgresql',
    }),
    poolQueue: integer('POOL_QUEUE', {
      default: 100,
      minimum: 1,
      maximum: 100_000,
      unit: 'requests',
      description: 'Requests that may wait for a connection, per server; the next one is answered 503',
      see: 'limits.md#overload',
    }),
    slowQueryMs: integer('SLOW_QUERY_MS', {
      default: 500,
      minimum: 1,
      maximum: 3_600_000,
      unit: 'ms',
      description: 'A statement that takes this long or longer is logged with the outline of its plan',
      see: 'observability.md#slow-queries',
    }),
  },
  Server: {
    host: text('HOST', {
      default: '127.0.0.1',
      allowed: 'an IP address or a host name of this machine, without a scheme or port',
      example: '0.0.0.0',
      valid: isHost,
      description:
        'Address to listen on. An address that is not a loopback address needs API keys, tokens or `ACCESS=none`',
    }),
    port: integer('PORT', {
      default: 3_000,
      minimum: 0,
      maximum: 65_535,
      description: 'Port to listen on. 0: any free port, which the log names',
    }),
    trustProxy: list('TRUST_PROXY', {
      allowed: 'IP addresses or networks',
      example: '10.0.0.0/8',
      valid: isNetwork,
      keepEmpty: true,
      description:
        'Addresses and networks of the proxies whose `X-Forwarded-For` is believed, separated by commas. ' +
        'A count of hops is not accepted: a client that reaches the port directly could claim any address',
      see: 'limits.md#rate-limit',
    }),
    maxConnections: integer('MAX_CONNECTIONS', {
      default: 5_000,
      minimum: 1,
      maximum: 1_000_000,
      unit: 'connections',
      description: 'Client connections at a time; further ones are closed at once',
    }),
    keepAliveS: integer('KEEP_ALIVE_S', {
      default: 72,
      minimum: 1,
      maximum: 3_600,
      unit: 's',
      description:
        'Time for which a connection without a request is kept. Set it longer than the load balancer keeps one',
    }),
    shutdownDelayS: integer('SHUTDOWN_DELAY_S', {
      default: 0,
      minimum: 0,
      maximum: 3_600,
      unit: 's',
      description:
        'Time after SIGTERM or SIGINT in which the service still answers while `/health/ready` is 503. ' +
        'Set it to the time that a load balancer takes to notice',
      see: 'failures.md',
    }),
    shutdownGraceS: integer('SHUTDOWN_GRACE_S', {
      default: 10,
      minimum: 0,
      maximum: 86_400,
      unit: 's',
      description: 'Time after that for running requests and streams. Then they are aborted and the process exits',
      see: 'failures.md',
    }),
    logLevel: choice('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'Lines below this level are not logged. Successful probes are logged at `debug`',
      see: 'observability.md#log',
    }),
  },
  Access: {
    apiKeysFile: text('API_KEYS_FILE', {
      default: undefined,
      allowed: 'the path of a file',
      example: '/etc/attempt-api/keys.yaml',
      description: 'File with hashed API keys and their scopes. The service reads it again when it changes',
      see: 'access.md',
    }),
    jwtIssuer: text('JWT_ISSUER', {
      default: undefined,
      allowed: 'the issuer',
      example: 'https://login.example.com',
      description:
        'Issuer whose tokens are accepted. Set `JWT_ISSUER`, `JWT_AUDIENCE` and `JWT_JWKS_URL`, or none of them',
      see: 'access.md',
    }),
    jwtAudience: list('JWT_AUDIENCE', {
      allowed: 'audiences',
      example: 'attempt-api',
      description: 'Audiences of accepted tokens, separated by commas; a token needs one of them',
      see: 'access.md',
    }),
    jwtJwksUrl: text('JWT_JWKS_URL', {
      default: undefined,
      allowed: 'a URL that begins with https:// (http:// on a loopback address only)',
      example: 'https://login.example.com/.well-known/jwks.json',
      valid: isSafeUrl,
      isUrl: true,
      description: 'Where the issuer publishes its public keys (JWKS)',
      see: 'access.md',
    }),
    access: choice('ACCESS', ['none'], {
      default: undefined,
      allowed: 'none, or unset (API_KEYS_FILE or the JWT variables turn access control on)',
      description:
        '`none`: every caller may read everything. ' +
        'For a service behind something that checks access; it cannot be combined with keys or tokens',
      see: 'access.md',
    }),
    accessOpen: list('ACCESS_OPEN', {
      default: ['health', 'contract', 'docs'],
      allowed: `none, or any of ${openGroups.join(', ')}`,
      example: 'health,docs',
      valid: (word) => word === 'none' || openGroups.some((group) => group === word),
      description: 'Endpoints that need no key: any of `health`, `contract`, `docs`, `metrics`, or `none`',
      see: 'access.md',
    }),
    aggregatesMinStudents: integer('AGGREGATES_MIN_STUDENTS', {
      default: 5,
      minimum: 1,
      maximum: 1_000_000,
      unit: 'students',
      description:
        'A caller with `aggregates:read` and without `attempts:read` gets no row about fewer students. ' +
        '1: it gets every row, and may use every parameter',
      see: 'access.md#small-groups',
    }),
    aggregatesTz: text('AGGREGATES_TZ', {
      default: 'UTC',
      allowed: 'an IANA time zone',
      example: 'Asia/Seoul',
      valid: isZone,
      description: 'Time zone of the whole days in which such a caller reads',
      see: 'access.md#small-groups',
    }),
    corsOrigins: list('CORS_ORIGINS', {
      allowed: 'origins as browsers send them, without a path (* is not allowed)',
      example: 'https://app.example.com,http://localhost:8080',
      valid: isOrigin,
      description: 'Origins whose pages may read answers in a browser, separated by commas',
      see: 'access.md',
    }),
  },
  Limits: {
    // the maximum bounds memory: a page is in memory several times
    pageBytes: integer('PAGE_BYTES', {
      default: 8_388_608,
      minimum: 65_536,
      maximum: 67_108_864,
      unit: 'bytes',
      description: 'A page of JSON ends before it exceeds this size, with `next_cursor` (`/v1/changes`: `has_more`)',
      see: 'limits.md#bytes',
    }),
    timeoutPageMs: integer('TIMEOUT_PAGE_MS', {
      default: 30_000,
      minimum: 1,
      maximum: 3_600_000,
      unit: 'ms',
      description: 'Time from the arrival of a request to its page; then 504',
      see: 'limits.md#timeouts',
    }),
    timeoutAggregateMs: integer('TIMEOUT_AGGREGATE_MS', {
      default: 60_000,
      minimum: 1,
      maximum: 3_600_000,
      unit: 'ms',
      description: 'The same for aggregates',
      see: 'limits.md#timeouts',
    }),
    timeoutMaxMs: integer('TIMEOUT_MAX_MS', {
      default: 300_000,
      minimum: 1,
      maximum: 3_600_000,
      unit: 'ms',
      description:
        'The longest time that a request can choose with `Prefer: wait`, and the `statement_timeout` of its session. ' +
        'At least `TIMEOUT_PAGE_MS` and `TIMEOUT_AGGREGATE_MS`',
      see: 'limits.md#timeouts',
    }),
    rateLimit: integer('RATE_LIMIT', {
      default: 1_000,
      minimum: 0,
      maximum: 1_000_000_000,
      unit: 'requests',
      description: 'Data requests per client and window; each replica counts its own. 0: unlimited',
      see: 'limits.md#rate-limit',
    }),
    rateWindowS: integer('RATE_WINDOW_S', {
      default: 10,
      minimum: 1,
      maximum: 3_600,
      unit: 's',
      description: 'Length of the window of `RATE_LIMIT`',
      see: 'limits.md#rate-limit',
    }),
    overloadDelayMs: integer('OVERLOAD_DELAY_MS', {
      default: 60,
      minimum: 0,
      maximum: 60_000,
      unit: 'ms',
      description: 'Delay of the event loop above which data requests are answered 503. 0: never',
      see: 'limits.md#overload',
    }),
  },
  'Streams and IRT': {
    streamPoolSize: integer('STREAM_POOL_SIZE', {
      default: 4,
      minimum: 1,
      maximum: 1_000,
      unit: 'connections',
      description: 'Streams and IRT readings at a time, over all servers; the next one is answered 503',
      see: 'limits.md#connections-to-postgresql',
    }),
    streamsPerClient: integer('STREAMS_PER_CLIENT', {
      default: 0,
      minimum: 0,
      maximum: 1_000,
      unit: 'streams',
      description:
        'Streams and IRT readings of one client (key, token or address) at a time; the next one is answered 429. ' +
        '0: one less than `STREAM_POOL_SIZE`, but at least 1',
      see: 'limits.md#slow-and-greedy-clients',
    }),
    streamMinRate: integer('STREAM_MIN_RATE', {
      default: 16_384,
      minimum: 0,
      maximum: 1_000_000_000,
      unit: 'bytes/s',
      description:
        'A stream is aborted if its client reads more slowly than this. Time in which PostgreSQL has no rows ready ' +
        'does not count. 0: no lowest rate',
      see: 'limits.md#slow-and-greedy-clients',
    }),
    streamStallS: integer('STREAM_STALL_S', {
      default: 60,
      minimum: 1,
      maximum: 86_400,
      unit: 's',
      description: 'Time by which a client may be behind `STREAM_MIN_RATE`, or read nothing',
      see: 'limits.md#slow-and-greedy-clients',
    }),
    streamTimeoutS: integer('STREAM_TIMEOUT_S', {
      default: 3_600,
      minimum: 1,
      maximum: 1_000_000,
      unit: 's',
      description: 'Time after which a stream is aborted, however slowly its client reads',
      see: 'limits.md#timeouts',
    }),
    irtWideItems: integer('IRT_WIDE_ITEMS', {
      default: 5_000,
      minimum: 1,
      maximum: 100_000,
      unit: 'columns',
      description: 'The most item columns of `layout=wide`',
      see: 'bulk-data.md',
    }),
    irtResponses: integer('IRT_RESPONSES', {
      default: 20_000_000,
      minimum: 1,
      maximum: 2 ** 30,
      unit: 'responses',
      description: 'The most responses that minimum counts (4 bytes each) and readiness (12 bytes each) hold in memory',
      see: 'bulk-data.md',
    }),
  },
  Store: {
    storeUrl: text('STORE_DATABASE_URL', {
      default: undefined,
      shownDefault: 'DATABASE_URL',
      allowed: databaseUrl,
      example: 'postgres://user:password@host:5432/database',
      valid: isDatabaseUrl,
      isUrl: true,
      description: 'Database of the store, where it is not the database of `exam_results`',
      see: 'store.md',
    }),
    storeRefresh: choice('STORE_REFRESH', ['on', 'off'], {
      default: 'on',
      description: '`off`: this process runs no refresher',
      see: 'store.md',
    }),
    storeLagS: integer('STORE_LAG_S', {
      default: 10,
      minimum: 1,
      maximum: 86_400,
      unit: 's',
      description: 'Requests read the view instead of a store that is further behind',
      see: 'store.md',
    }),
    storeRetentionH: integer('STORE_RETENTION_H', {
      default: 168,
      minimum: 1,
      maximum: 87_600,
      unit: 'h',
      description: 'Time for which `/v1/changes` reports deleted attempts; an older token is answered 410',
      see: 'changes.md',
    }),
  },
  'Contract and anomalies': {
    contractTimeoutMs: integer('CONTRACT_TIMEOUT_MS', {
      default: 5_000,
      minimum: 1,
      maximum: 600_000,
      unit: 'ms',
      description: 'Time after which a contract check that has not finished reports an error',
      see: 'limits.md',
    }),
    contractIntervalS: integer('CONTRACT_INTERVAL_S', {
      default: 60,
      minimum: 1,
      maximum: 86_400,
      unit: 's',
      description: 'Time between the contract checks that `/health` reports',
    }),
    anomaliesIntervalS: integer('ANOMALIES_INTERVAL_S', {
      default: 300,
      minimum: 0,
      maximum: 86_400,
      unit: 's',
      description:
        'Time between the counts of anomalies in `/metrics`, among at most 2000 of the newest exams of a day. 0: never',
      see: 'observability.md#metrics',
    }),
  },
  Development: {
    nodeEnv: text('NODE_ENV', {
      default: undefined,
      allowed: 'text',
      example: 'production',
      description: '`production`: `DATABASE_URL` is required, the embedded PostgreSQL is never started',
    }),
    embeddedDirectory: text('EMBEDDED_DIRECTORY', {
      default: '.data',
      allowed: 'the path of a directory',
      example: '.data',
      description: 'Data directory of the embedded PostgreSQL',
    }),
  },
}

/** Every variable by its key in `Config`. */
export const variables = {
  ...groups.Database,
  ...groups.Server,
  ...groups.Access,
  ...groups.Limits,
  ...groups['Streams and IRT'],
  ...groups.Store,
  ...groups['Contract and anomalies'],
  ...groups.Development,
}
