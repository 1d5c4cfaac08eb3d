/** /metrics reports what happened, and has every metric that alerts, dashboard and documentation name. */
import { existsSync, readFileSync } from 'node:fs'
import { get as request, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { readConfig } from '../../src/config.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { startServer } from '../../src/server.js'
import { createDatabase } from '../helpers/database.js'
import { enabled } from '../helpers/store.js'
import { parseMetrics, valueOf, type Family } from './parse.js'

interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

// each has a service and a database of its own
t.jobs = 2

const file = (path: string) => readFileSync(path, 'utf8')
const rules = (parse(file('monitoring/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
const dashboard = JSON.parse(file('monitoring/dashboard.json')) as {
  panels: {
    id: number
    type: string
    title: string
    gridPos: { x: number; y: number; w: number; h: number }
    targets?: { expr: string }[]
  }[]
}
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
]

/** The metrics of an expression, each with the labels that it is selected by. */
const selectors = (expr: string) =>
  [...expr.matchAll(/\b((?:attempt|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', matchers = '']) => ({
    name,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label as string),
  }))

const familyOf = (families: Map<string, Family>, name: string) => {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  return family === undefined || (family.type === 'histogram') === families.has(name) ? undefined : family
}

const until = async <T>(what: () => Promise<T | undefined>): Promise<T> => {
  for (const end = Date.now() + 120_000; Date.now() < end;) {
    const found = await what()
    if (found !== undefined) return found
    await new Promise((again) => setTimeout(again, 100))
  }
  throw new Error('it did not come')
}

/**
 * The service with its defaults, except that the store may be late, no contract check starts by itself, and no limit
 * refuses a request on a slow machine.
 */
async function serve(t: Test, url: string) {
  const server = await startServer(
    {
      ...readConfig({}),
      port: 0,
      logLevel: 'silent',
      anomaliesIntervalS: 1,
      storeLagS: 600,
      streamPoolSize: 2,
      overloadDelayMs: 0,
      contractTimeoutMs: 60_000,
      contractIntervalS: 3_600,
    },
    url,
  )
  t.teardown(() => server.close())
  const read = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, { headers })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  return { server, read, scrape: async () => parseMetrics((await read('/metrics')).text) }
}

t.test('a service at work', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json)
    select 'session-' || i, 'user-' || i % 10, jsonb_build_object('questions', (
      select jsonb_agg(jsonb_build_object(
        'question_id', q, 'is_correct', q % 2 = 0, 'topic', 'topic-' || q % 3, 'padding', repeat('x', 20)
      ))
      from generate_series(1, 40) as q
    ))
    from generate_series(1, 500) as i`)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json) values ('odd', 'somebody', '{"questions": [
      {"question_id": "Q7"}, {"question_id": 1, "is_correct": "maybe"}, {"question_id": "Q8"}
    ]}')`,
  )
  await enabled(db)
  const { server, read, scrape } = await serve(t, db.url)

  const first = await read('/metrics')
  t.equal(first.status, 200)
  t.match(first.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)

  t.test('counts requests by template, status and code', async (t) => {
    for (const user of ['user-1', 'user-2', 'user-3'])
      t.equal((await read(`/v1/attempts?source=live&user_id=${user}&limit=10`)).status, 200)
    t.equal((await read('/v1/students/c773fdef-3889-bdad-be80-9f1e8aaeea46')).status, 404)
    t.equal((await read('/v1/attempts?limit=x')).status, 400)
    await read('/health/live')
    const metrics = await scrape()
    t.equal(
      valueOf(metrics, 'attempt_http_requests_total', {
        method: 'GET',
        route: '/v1/attempts',
        status: '200',
        code: '',
      }),
      3,
    )
    t.equal(
      valueOf(metrics, 'attempt_http_requests_total', {
        route: '/v1/attempts',
        status: '400',
        code: 'invalid_parameter',
      }),
      1,
    )
    t.equal(
      valueOf(metrics, 'attempt_http_requests_total', {
        route: '/v1/students/:student_id',
        status: '404',
        code: 'student_not_found',
      }),
      1,
    )
    t.equal(
      valueOf(metrics, 'attempt_http_request_duration_seconds_count', {
        route: '/v1/attempts',
        status_class: '2xx',
        work: 'page',
      }),
      3,
    )
    t.equal(
      valueOf(metrics, 'attempt_http_request_duration_seconds_count', { route: '/health/live', work: 'probe' }),
      1,
    )
    t.equal(valueOf(metrics, 'attempt_http_failures_total'), 0)
    t.equal(valueOf(metrics, 'attempt_rows_sent_total', { route: '/v1/attempts', format: 'json' }), 30)
    t.equal(valueOf(metrics, 'attempt_answers_total', { source: 'view', server: 'primary' }), 3)
    t.equal(valueOf(metrics, 'attempt_database_query_duration_seconds_count', { source: 'view', server: 'primary' }), 3)
    t.equal(valueOf(metrics, 'attempt_pool_wait_seconds_count', { server: 'primary' }) >= 3, true)
  })

  t.test('unknown paths share one series', async (t) => {
    // of requests only: the series of garbage collection, anomalies and the store begin when theirs happen
    const series = async () =>
      [...(await scrape()).values()]
        .flatMap(({ samples }) => samples)
        .filter(({ labels }) => 'route' in labels)
        .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
        .sort()
    await read('/nowhere')
    await fetch(`${server.url}/v1/attempts`, { method: 'DELETE' })
    const before = await until(async () => {
      const seen = await series()
      return seen.some((one) => one.includes('"route":"unmatched"')) &&
        seen.some((one) => one.includes('"method":"DELETE"'))
        ? seen
        : undefined
    })
    for (let path = 0; path < 20; path++) await read(`/nowhere/${path}?token=${path}`)
    for (let student = 0; student < 20; student++)
      await read(`/v1/students/c773fdef-3889-bdad-be80-9f1e8aaeea${student + 10}`)
    t.strictSame(await series(), before)
    t.equal(valueOf(await scrape(), 'attempt_http_requests_total', { route: 'unmatched', code: 'not_found' }), 21)
  })

  t.test('streams: rows, bytes on the connection, the first byte, and aborted ones', async (t) => {
    const rows = 500 * 40
    const { text } = await read('/v1/attempts?source=store&format=csv', { 'accept-encoding': 'identity' })
    t.equal(text.split('\r\n').length, rows + 2)
    const metrics = await until(async () => {
      const seen = await scrape()
      return valueOf(seen, 'attempt_rows_sent_total', { route: '/v1/attempts', format: 'csv' }) > 0 ? seen : undefined
    })
    t.equal(valueOf(metrics, 'attempt_rows_sent_total', { route: '/v1/attempts', format: 'csv' }), rows)
    const bytes = valueOf(metrics, 'attempt_bytes_sent_total', { route: '/v1/attempts', format: 'csv' })
    t.equal(bytes > text.length && bytes < text.length * 1.1, true, `${bytes} for ${text.length}`)
    t.equal(valueOf(metrics, 'attempt_stream_first_byte_seconds_count', { route: '/v1/attempts', format: 'csv' }), 1)
    t.equal(
      valueOf(metrics, 'attempt_http_request_duration_seconds_count', { route: '/v1/attempts', work: 'stream' }),
      1,
    )
    t.equal(valueOf(metrics, 'attempt_database_queries_total', { source: 'store', kind: 'copy' }) > 0, true)
    t.equal(valueOf(metrics, 'attempt_streams_cut_total'), 0)
  })

  t.test('a 304 counts as an answer, with its source', async (t) => {
    // days that stay the same however late it is
    const [since, until] = [-1, 2].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10))
    const path = `/v1/topics/daily?source=store&since=${since}&until=${until}`
    const tag = (await read(path)).headers.get('etag') as string
    t.equal((await read(path, { 'if-none-match': tag })).status, 304)
    const metrics = await scrape()
    t.equal(valueOf(metrics, 'attempt_http_requests_total', { route: '/v1/topics/daily', status: '304' }), 1)
    t.equal(
      valueOf(metrics, 'attempt_http_request_duration_seconds_count', {
        route: '/v1/topics/daily',
        status_class: '2xx',
        work: 'aggregate',
      }),
      1,
    )
  })

  t.test('store, refresher, queue and anomalies as they are', async (t) => {
    const metrics = await until(async () => {
      const seen = await scrape()
      // figures of the database may be of a moment before
      return valueOf(seen, 'attempt_store_refresher_active') === 1 &&
        valueOf(seen, 'attempt_store_refresher_present') === 1 &&
        valueOf(seen, 'attempt_store_queue_rows') === 0 &&
        valueOf(seen, 'attempt_anomaly_exams') > 0
        ? seen
        : undefined
    })
    t.equal(valueOf(metrics, 'attempt_store_refresher_present'), 1)
    t.equal(valueOf(metrics, 'attempt_store_state', { state: 'ready' }), 1)
    t.equal(valueOf(metrics, 'attempt_store_lag_limit_seconds'), 600)
    t.equal(valueOf(metrics, 'attempt_store_queue_rows'), 0)
    t.equal(valueOf(metrics, 'attempt_database_up', { server: 'primary' }), 1)
    t.equal(valueOf(metrics, 'attempt_anomaly_exams'), 501)
    t.equal(valueOf(metrics, 'attempt_anomalies', { reason: 'question_id_invalid' }), 2)
    t.equal(valueOf(metrics, 'attempt_anomalies', { reason: 'correctness_invalid' }), 1)
    t.equal(valueOf(metrics, 'attempt_anomalies', { reason: 'time_spent_invalid' }), 0)
    await db.pool.query(
      `insert into exam_results (session_id, user_id, result_json)
       values ('late', 'user-1', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
    )
    const after = await until(async () => {
      const seen = await scrape()
      return valueOf(seen, 'attempt_store_batches_total') > 0 ? seen : undefined
    })
    t.equal(valueOf(after, 'attempt_store_rows_total', { change: 'written' }) >= 1, true)
    t.equal(valueOf(after, 'attempt_store_exams_total'), 1)
    t.equal(valueOf(after, 'attempt_store_batch_duration_seconds_count'), 1)
    await until(async () => (valueOf(await scrape(), 'attempt_store_stale_days') === 0 ? true : undefined))
    // verification finds a row that was changed past the triggers
    await db.pool.query(
      `update attempt_materialized set correct = not correct
       where ctid in (select ctid from attempt_materialized limit 1)`,
    )
    await until(async () => (valueOf(await scrape(), 'attempt_store_differences_total') > 0 ? true : undefined))
  })

  t.test('the result of the contract check', async (t) => {
    t.equal(valueOf(await scrape(), 'attempt_contract_status', { status: 'unknown' }), 1)
    await read('/schema-contract')
    const metrics = await scrape()
    t.equal(valueOf(metrics, 'attempt_contract_status', { status: 'pass' }), 1)
    t.equal(valueOf(metrics, 'attempt_contract_status', { status: 'unknown' }), 0)
    t.equal(Math.abs(valueOf(metrics, 'attempt_contract_checked_timestamp_seconds') - Date.now() / 1000) < 60, true)
    t.equal(valueOf(metrics, 'attempt_contract_check_seconds') > 0, true)
  })

  t.test('every metric of alerts and dashboard exists, with the labels that they select by', async (t) => {
    const metrics = await scrape()
    const recorded = new Set(rules.flatMap(({ record }) => record ?? []))
    for (const [, name = ''] of expressions.join('\n').matchAll(/\b(attempt:[\w:]+)/g))
      t.equal(recorded.has(name), true, name)
    const named = expressions.flatMap(selectors)
    t.equal(named.length > 80, true)
    // without standbys these have no sample
    const labels: Record<string, string[]> = {
      attempt_standby_usable: ['server'],
      attempt_standby_lag_seconds: ['server'],
    }
    for (const { name, labels: selected } of named) {
      const family = familyOf(metrics, name)
      if (family === undefined) {
        t.fail(`${name} is missing`)
        continue
      }
      const known = new Set([
        'job',
        'instance',
        ...(labels[name] ?? family.samples.flatMap((sample) => Object.keys(sample.labels))),
      ])
      for (const label of selected) if (!known.has(label)) t.fail(`${name} has no label ${label}`)
      if (!(name in labels) && family.samples.length === 0) t.fail(`${name} has no sample`)
    }
  })

  t.test('the table of the documentation lists the metrics', async (t) => {
    const metrics = await scrape()
    const rows = file('docs/observability.md').matchAll(
      /^\| `(attempt_\w+)` +\| (\w+) +\| ([^|]*?) +\| [^|]* \| ([^|]*?) +\|$/gm,
    )
    const table = [...rows].map(([, name = '', type = '', labels = '', meaning = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label as string).sort(),
      meaning,
    }))
    const own = [...metrics].filter(([name]) => name.startsWith('attempt_'))
    t.strictSame(table.map(({ name }) => name).sort(), own.map(([name]) => name).sort())
    for (const { name, type, labels, meaning } of table) {
      const family = metrics.get(name) as Family
      t.equal(family?.type, type, name)
      t.equal(meaning, family?.help, name)
      if (family?.samples.length > 0)
        t.strictSame(
          labels,
          [...new Set(family.samples.flatMap((sample) => Object.keys(sample.labels)))]
            .filter((label) => label !== 'le')
            .sort(),
          name,
        )
    }
  })
})

t.test('a client that stops reading and disconnects', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  // 140 MB of rows: more than Linux lets the sockets from PostgreSQL to the client hold
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json)
    select 'session-' || i, 'user-' || i, jsonb_build_object('questions', (
      select jsonb_agg(jsonb_build_object('question_id', q, 'is_correct', true, 'topic', repeat('x', 8192)))
      from generate_series(1, 50) as q
    ))
    from generate_series(1, 350) as i`)
  const { server, scrape } = await serve(t, db.url)
  const reader = await new Promise<IncomingMessage>((done, fail) => {
    request(`${server.url}/v1/attempts?source=live&format=ndjson`, done).on('error', fail)
  })
  reader.on('error', () => undefined)
  reader.once('data', () => {
    reader.pause()
  })
  await until(async () => (valueOf(await scrape(), 'attempt_streams_running') === 1 ? true : undefined))
  const busy = await scrape()
  t.equal(valueOf(busy, 'attempt_streams_limit'), 2)
  t.equal(valueOf(busy, 'attempt_pool_connections', { pool: 'streams', server: 'primary', state: 'busy' }), 1)
  reader.destroy()
  await until(async () =>
    valueOf(await scrape(), 'attempt_streams_cut_total', { route: '/v1/attempts', reason: 'client_left' }) === 1
      ? true
      : undefined,
  )
  await until(async () => (valueOf(await scrape(), 'attempt_streams_running') === 0 ? true : undefined))
  t.equal(valueOf(await scrape(), 'attempt_database_query_errors_total'), 0, 'not a database error')
  t.equal(valueOf(await scrape(), 'attempt_http_failures_total'), 0)
})

t.test('every alert has a severity, a channel and a heading in the runbook', async (t) => {
  const alerts = rules.filter(({ alert }) => alert !== undefined)
  t.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  const runbook = existsSync('docs/runbook.md') ? file('docs/runbook.md') : undefined
  // as GitHub makes them of headings, or written out
  const anchors = new Set(
    [...(runbook ?? '').matchAll(/^#+ (.*)$/gm)]
      .map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replace(/ /g, '-'),
      )
      .concat([...(runbook ?? '').matchAll(/(?:id|name)="([\w-]+)"/g)].map(([, id]) => id as string)),
  )
  const tests = file('monitoring/alerts.test.yml') + file('monitoring/baseline.test.yml')
  for (const { alert = '', labels = {}, annotations = {} } of alerts) {
    const anchor = `alert-${alert.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase()}`
    t.equal(
      annotations['runbook_url'],
      `https://git.example.com/attempt-api/blob/main/docs/runbook.md#${anchor}`,
      alert,
    )
    if (runbook !== undefined) t.equal(anchors.has(anchor), true, `docs/runbook.md has #${anchor}`)
    t.match(labels['severity'], /^(critical|warning)$/, alert)
    t.match(labels['channel'], /^(alerts-critical|alerts-database|data-science|data-engineering)$/, alert)
    t.equal((annotations['summary'] ?? '').length > 10 && (annotations['description'] ?? '').length > 20, true, alert)
    t.match(tests, `alertname="${alert}"`, `${alert} is tested`)
  }
})

t.test('the dashboard: every panel once, none on another, each of one data source', async (t) => {
  const { panels } = dashboard
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const {
    title,
    gridPos: { x, y, w, h },
  } of panels) {
    t.equal(x + w <= 24, true, title)
    for (let row = y; row < y + h; row++)
      for (let column = x; column < x + w; column++) {
        if (taken.has(`${column} ${row}`)) t.fail(`${title} is on another panel`)
        taken.add(`${column} ${row}`)
      }
  }
  t.notMatch(file('monitoring/dashboard.json'), /"uid": "(?!\$\{datasource\}|attempt-api")/)
  for (const { type, title, targets = [] } of panels) t.equal(type === 'row' || targets.length > 0, true, title)
})
