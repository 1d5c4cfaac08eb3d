/**
 * Whether a database still answers, beside a command that waits for it. A statement may take long, so that its time says
 * nothing; a server that is silent gives no answer to a small question either, and nobody else would end the wait.
 */
import pg from 'pg'
import { disconnect } from '../database/cancel.js'
import { pause } from '../database/pause.js'

const askEveryMs = 2_000
const answerMs = 5_000

/**
 * Asks every two seconds until `close`. @param silent called where two questions after each other had no answer, and
 * again as long as it is so: what waits for the server is to be ended
 */
export function watchSilence(url: string, silent: () => void): { close(): void } {
  const stopping = new AbortController()
  let client: pg.Client | undefined
  const drop = () => {
    if (client !== undefined) disconnect(client)
    client = undefined
  }
  async function ask(): Promise<void> {
    if (client === undefined) {
      client = new pg.Client({
        connectionString: url,
        application_name: 'attempt-api command',
        connectionTimeoutMillis: answerMs,
        query_timeout: answerMs,
      })
      client.on('error', () => undefined)
      await client.connect()
    }
    await client.query('select 1')
  }
  void (async () => {
    for (let unanswered = 0; !stopping.signal.aborted;) {
      const failure = await ask().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (failure !== undefined) drop()
      // an error that the server sends is an answer
      unanswered = failure === undefined || failure instanceof pg.DatabaseError ? 0 : unanswered + 1
      if (unanswered >= 2 && !stopping.signal.aborted) silent()
      await pause(unanswered === 1 ? 0 : askEveryMs, stopping.signal)
    }
    drop()
  })()
  return {
    close() {
      stopping.abort()
      drop()
    },
  }
}
