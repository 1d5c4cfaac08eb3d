/** Full exports: speed against psql's COPY of the same select, memory, and the latency of other requests. */
import { spawn, spawnSync } from 'node:child_process'
import { curl, type Figures, get, psql, quantile, seconds, type Bench, taken, times } from './harness.js'

const select = `select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
  attempt_no, session_id, topic_id
from attempt
order by completed_at, student_id, item_id, attempt_no`

/** Milliseconds to the first byte of the body. */
async function firstByte(url: string): Promise<number> {
  const start = performance.now()
  const aborted = new AbortController()
  const response = await fetch(url, { signal: aborted.signal, headers: { 'accept-encoding': 'identity' } })
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  const reader = response.body?.getReader()
  await reader?.read()
  const ms = performance.now() - start
  aborted.abort()
  return ms
}

export async function streams({ url, cohort, serve }: Bench, { report }: Figures): Promise<void> {
  for (const tool of ['psql', 'curl'])
    if (spawnSync(tool, ['--version']).status !== 0) throw new Error(`this suite needs ${tool}`)
  const service = await serve()
  await get(`${service.url}/v1/attempts?limit=10`)
  await new Promise((done) => setTimeout(done, 2000))
  const idle = service.residentMb('VmRSS')
  const all = (format: string) => `${service.url}/v1/attempts?format=${format}`
  // psql under its own settings and under the service's: the better one counts
  const bests = [await psql(url, select), await psql(url, select, '-c jit=off -c max_parallel_workers_per_gather=0')]
  const csv = await taken(() => curl(all('csv')))
  const arrow = await taken(() => curl(all('arrow')))
  const ndjson = await taken(() => curl(all('ndjson')))
  const best = Math.min(...bests)
  const attempts = cohort.exams * cohort.questions
  report(`psql, COPY of the same select as CSV, ${attempts} attempts`, `${bests.map(seconds).join(', ')}`)
  report('CSV of all attempts against psql', seconds(csv), csv / best, 1.1)
  report('Arrow against CSV', seconds(arrow), arrow / csv, 1)
  report('NDJSON against psql', seconds(ndjson), ndjson / best, 1.4)
  const peak = service.residentMb('VmHWM') - idle
  report('peak memory over idle, three exports', `${peak.toFixed(0)} MB over ${idle.toFixed(0)} MB`, peak / 64, 1)

  const slow = spawn('curl', [
    '--silent',
    '--output',
    '/dev/null',
    '--limit-rate',
    '1M',
    `${service.url}/v1/attempts?format=csv&fields=id,student_id,item_id,completed_at,session_id`,
  ])
  let most = 0
  for (let second = 0; second < 30; second++) {
    await new Promise((done) => setTimeout(done, 1000))
    most = Math.max(most, service.residentMb('VmRSS'))
  }
  slow.kill()
  report('peak memory over idle, 30 s of a reader at 1 MB/s', `${(most - idle).toFixed(0)} MB`, (most - idle) / 64, 1)

  const day = () => get(`${service.url}/v1/topics/daily?since=2025-12-25&until=2025-12-26`)
  await times(2, day)
  const alone = quantile(await times(20, day), 0.99)
  let exporting = true
  const again = async (format: string) => {
    while (exporting) await curl(all(format), '--max-time', '120').catch(() => undefined)
  }
  const exports = [again('csv'), again('ndjson')]
  await new Promise((done) => setTimeout(done, 3000))
  const beside = quantile(await times(20, day), 0.99)
  exporting = false
  spawnSync('pkill', ['-f', `curl.*${new URL(service.url).port}`])
  await Promise.all(exports)
  report(
    '/v1/topics/daily of a day, p99 while two exports run',
    `${Math.round(beside)} ms against ${Math.round(alone)} ms alone`,
    beside / alone,
    3,
  )

  for (const [what, path] of [
    ['one day', 'attempts?format=csv&since=2025-12-25T00:00:00Z&until=2025-12-26T00:00:00Z'],
    ['fifty days', 'attempts?format=csv&since=2025-11-01T00:00:00Z&until=2025-12-21T00:00:00Z'],
    [
      'fifty days without attempt_no',
      'attempts?format=csv&since=2025-11-01T00:00:00Z&until=2025-12-21T00:00:00Z&fields=student_id,item_id,correct',
    ],
    ['everything without attempt_no', 'attempts?format=ndjson&fields=student_id,item_id,correct'],
  ] as const) {
    const first = await firstByte(`${service.url}/v1/${path}`)
    const whole = await taken(() => curl(`${service.url}/v1/${path}`))
    report(`first byte of ${what}`, `${Math.round(first)} ms of ${seconds(whole)}`)
  }
  await service.stop()
}
