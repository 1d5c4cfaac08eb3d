/**
 * Twice as many requests as the machine sustains, for a minute, in an open loop: responses are correct or a quick 503
 * or 429, and probes respond. Database, service, load generator and prober share the machine's cores, each a process of
 * its own (the prober is this one).
 */
import { fork } from 'node:child_process'
import type { Figures, Bench } from './harness.js'
import { comparable, type LoadReport } from './load.js'
import { quantile } from './harness.js'

interface Target {
  path: string
  body: string
}

/** Runs the load generator. */
function offerLoad(url: string, targets: Target[], rate: number, seconds: number): Promise<LoadReport> {
  return new Promise((done, fail) => {
    const child = fork(new URL('load.ts', import.meta.url), { execArgv: ['--import=tsx'] })
    child.once('message', (report) => {
      done(report as LoadReport)
      child.kill()
    })
    child.once('error', fail)
    child.once('exit', (code) => {
      fail(new Error(`the load generator ended with ${code}`))
    })
    child.send({ url, targets, rate, ms: seconds * 1000 })
  })
}

const share = ({ offered: all, correct }: LoadReport) => correct / all
const p = (list: number[], at: number) =>
  `${Math.round(
    list.length === 0
      ? 0
      : quantile(
          [...list].sort((a, b) => a - b),
          at,
        ),
  )} ms`

export async function overload({ pool, serve, size }: Bench, { report }: Figures): Promise<void> {
  // as in production, except that one client may send as much as a thousand
  const service = await serve({
    RATE_LIMIT: '0',
    TIMEOUT_PAGE_MS: '30000',
    TIMEOUT_AGGREGATE_MS: '60000',
    TIMEOUT_MAX_MS: '300000',
    LOG_LEVEL: 'fatal',
  })
  try {
    const { rows } = await pool.query<{ student_id: string; item_id: string }>(
      'select distinct student_id, min(item_id) as item_id from attempt group by student_id limit 40',
    )
    const paths = rows.flatMap(({ student_id: student }) => [
      `/v1/attempts?student_id=${student}`,
      `/v1/attempts?student_id=${student}&limit=20`,
      `/v1/students/${student}`,
    ])
    // one in forty reads a day of all students
    paths.push(
      '/v1/topics/daily?since=2025-12-30&until=2025-12-31',
      '/v1/items?since=2025-12-30T00:00:00Z&until=2025-12-31T00:00:00Z',
      '/v1/attempts?limit=100&since=2025-12-30T00:00:00Z',
    )
    const targets: Target[] = []
    for (const path of paths) {
      const response = await fetch(`${service.url}${path}`)
      if (response.status !== 200) throw new Error(`${path}: ${response.status}`)
      targets.push({ path, body: comparable(await response.text()) })
    }
    // mixed, the same way each time
    targets.sort(
      (a, b) => ((a.body.length * 7919 + a.path.length) % 101) - ((b.body.length * 7919 + b.path.length) % 101),
    )
    await offerLoad(service.url, targets, 50, 3)
    let sustained = 25
    for (let rate = 50; rate <= 6_400; rate = Math.ceil(rate * 1.4)) {
      const step = await offerLoad(service.url, targets, rate, 4)
      console.log(`${rate}/s: ${(share(step) * 100).toFixed(1)} % answered, p99 ${p(step.ms.good, 0.99)}`)
      // sustained: every request answered, without a growing queue
      if (
        share(step) < 0.995 ||
        quantile(
          step.ms.good.sort((a, b) => a - b),
          0.9,
        ) > 250
      )
        break
      sustained = rate
    }
    await new Promise((again) => setTimeout(again, 2_000))

    const probes: Record<string, number[]> = { '/health/live': [], '/health/ready': [] }
    let [stop, unready, memory] = [false, 0, 0]
    const probing = Promise.all(
      Object.keys(probes).map(async (path) => {
        while (!stop) {
          const begin = performance.now()
          const status = await fetch(`${service.url}${path}`, { signal: AbortSignal.timeout(30_000) }).then(
            async (response) => {
              await response.arrayBuffer()
              return response.status
            },
            () => 0,
          )
          probes[path]?.push(performance.now() - begin)
          if (status !== 200) unready++
          memory = Math.max(memory, service.residentMb('VmRSS'))
          await new Promise((again) => setTimeout(again, 100))
        }
      }),
    )
    const load = await offerLoad(service.url, targets, 2 * sustained, size)
    stop = true
    await probing
    // from the last response of the load
    const end = performance.now()
    let recoveryMs = 0
    for (let good = 0; good < 5;) {
      const begin = performance.now()
      const target = targets[good] as Target
      const response = await fetch(`${service.url}${target.path}`)
      const right =
        response.status === 200 &&
        comparable(await response.text()) === target.body &&
        performance.now() - begin < 1_000
      good = right ? good + 1 : 0
      recoveryMs = performance.now() - end
      if (recoveryMs > 60_000) break
    }
    const refusals = Object.entries(load.refused)
    const bad =
      refusals.filter(([status]) => status !== '503' && status !== '429').reduce((sum, [, count]) => sum + count, 0) +
      Object.values(load.failed).reduce((sum, count) => sum + count, 0) +
      load.wrong
    report('sustained', `${sustained} requests/s`)
    report(
      `offered for ${size} s: twice that`,
      `${load.offered} requests; ${load.correct} correct (p50 ${p(load.ms.good, 0.5)}, ` +
        `p99 ${p(load.ms.good, 0.99)}); generator at most ${Math.round(load.late)} ms behind its plan`,
    )
    report(
      'refused',
      `${JSON.stringify(load.refused)} (p50 ${p(load.ms.refused, 0.5)}, p99 ${p(load.ms.refused, 0.99)})`,
    )
    report(
      'neither correct nor 503 or 429',
      `${bad}: ${load.wrong} wrong, failed ${JSON.stringify(load.failed)}`,
      bad,
      0,
    )
    for (const [path, list] of Object.entries(probes))
      report(
        `${path} during it`,
        `${list.length} times: p50 ${p(list, 0.5)}, p99 ${p(list, 0.99)}, most ${p(list, 1)}`,
        Math.max(...list) / 250,
        1,
      )
    report('probes that were not 200', String(unready), unready, 0)
    report('recovery after it', `${Math.round(recoveryMs)} ms`, recoveryMs / 5_000, 1)
    report('resident memory during it', `${Math.round(memory)} MB`)
  } finally {
    await service.stop()
  }
}
