/**
 * The generator of `bench/overload.ts`, a process of its own: sends requests at their moment, whether those before are
 * answered or not (open loop), and compares each good answer with the known one.
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

/** Members that tell when it was read, and so differ from one answer to the next. */
export const comparable = (text: string): string => text.replace(/"as_of":"[^"]*"/, '')

/**
 * Offers `rate` requests a second for `ms`.
 * @returns when each has its answer; `late`: the most milliseconds that the generator itself was behind its plan
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
            add(
              report.refused,
              `${status}${(status === 503 || status === 429) && response.headers['retry-after'] === undefined ? ' without Retry-After' : ''}`,
            )
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

// as a process: its order comes as a message, and so goes its report
process.on('message', (order: { url: string; targets: { path: string; body: string }[]; rate: number; ms: number }) => {
  void offer(order.url, order.targets, order.rate, order.ms).then((report) => process.send?.(report, () => undefined))
})
