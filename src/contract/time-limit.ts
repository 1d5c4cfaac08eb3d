import type { SqlClient } from './sql-client.js'

/**
 * The client, inside a transaction, with a total time for all its statements. The server enforces it too
 * (`statement_timeout`), so that no statement keeps running after the caller has given up. Savepoints and rollbacks are
 * exempt: an aborted transaction accepts nothing else.
 * @throws Error with code 57014 if no time is left
 */
export function withTimeLimit(client: SqlClient, timeoutMs: number): SqlClient {
  const end = Date.now() + timeoutMs
  return {
    async query(text, values) {
      if (!/^(savepoint|rollback)/.test(text)) {
        const left = Math.ceil(end - Date.now())
        if (left <= 0)
          throw Object.assign(new Error(`The check took longer than ${Math.ceil(timeoutMs)} ms.`), { code: '57014' })
        await client.query(`set local statement_timeout = ${left}`)
      }
      return client.query(text, values)
    },
  }
}
