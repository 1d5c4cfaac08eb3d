/**
 * The load generator of `bench/overload.ts`, a process of its own: sends requests at a fixed rate, whether earlier ones
 * have been answered or not (open loop), and compares each response with the expected body.
 */
import http from 'node:http'

export interface LoadReport {
  offered: number
  correct: number
  wrong: number
  refused: Record<string, number>
  failed: Record<string, number>
  ms: { good: number[]; refused: number[] }
  late: number
}

/** The body without the time at which it was read. */
export const comparable = (text: string): string => text.replace(/"as_of":"[^"]*"/, '')

/**
 * Sends `rate` requests per second for `ms`, and waits for their responses.
 * @returns `late`: how far the generator itself was behind its plan at most, milliseconds
 */
export async function offer(
  url: string,
  targets: readonly { path: string; body: string }[],
  rate: number,
  ms: number,
): Promise<LoadReport> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2_000 })
  const { hostname, port } = new URL(url)
  const report: LoadReport = {
    offered: 0,
    correct: 0,
    wrong: 0,
    refused: {},
    failed: {},
    ms: { good: [], refused: [] },
    late: 0,
  }
  const add = (counts: Record<string, number>, name: string) => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const open: Promise<void>[] = []
  const send = ({ path, body }: { path: string; body: string }) =>
    new Promise<void>((done) => {
      const begin = performance.now()
      const request = http.get({ agent, host: hostname, port, path }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', (error: Error & { code?: string }) => {
          add(report.failed, error.code ?? error.message)
          done()
        })
        response.on('end', () => {
          const taken = performance.now() - begin
          const status = response.statusCode ?? 0
          if (status === 200) {
            if (comparable(Buffer.concat(parts).toString('utf8')) === body) report.correct++
            else report.wrong++
            report.ms.good.push(taken)
          } else {
            const lacksRetryAfter = (status === 503 || status === 429) && response.headers['retry-after'] === undefined
            add(report.refused, `${status}${lacksRetryAfter ? ' without Retry-After' : ''}`)
            report.ms.refused.push(taken)
          }
          done()
        })
      })
      request.setTimeout(30_000, () => {
        request.destroy(Object.assign(new Error('late'), { code: 'no answer in 30 s' }))
      })
      request.on('error', (error: Error & { code?: string }) => {
        add(report.failed, error.code ?? error.message)
        done()
      })
    })
  const start = performance.now()
  for (;;) {
    const elapsed = performance.now() - start
    if (elapsed >= ms) break
    const due = Math.floor((elapsed * rate) / 1000)
    report.late = Math.max(report.late, ((due - report.offered) / rate) * 1000)
    while (report.offered < due)
      open.push(send(targets[report.offered++ % targets.length] as { path: string; body: string }))
    await new Promise((again) => setTimeout(again, 2))
  }
  await Promise.all(open)
  agent.destroy()
  return report
}

// the order comes as a message of the parent process, and the report goes back as one
process.on('message', (order: { url: string; targets: { path: string; body: string }[]; rate: number; ms: number }) => {
  void offer(order.url, order.targets, order.rate, order.ms).then((report) => process.send?.(report, () => undefined))
})
