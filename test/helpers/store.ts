/** A store on a test database, brought up to date on demand. */
import type pg from 'pg'
import { enableStore } from '../../src/store/enable.js'
import { createRefresher, type RefresherOptions } from '../../src/store/refresher.js'
import type { TestDatabase } from './database.js'

const quiet: RefresherOptions['log'] = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Refreshes until the store is whole and the queue is empty. */
export async function catchUp(url: string, storeUrl = url, log = quiet): Promise<void> {
  const refresher = createRefresher({ sourceUrl: url, storeUrl, log, once: true })
  await refresher.run()
  await refresher.stop()
}

export async function enabled(db: TestDatabase, store = db): Promise<void> {
  await enableStore({ source: db.pool, store: store.pool }, () => undefined)
  await catchUp(db.url, store.url)
}

/** Every row of the view that the store lacks or has otherwise, and the other way round. */
export async function differences(pool: pg.Pool): Promise<unknown[]> {
  const columns = 'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'
  return (await pool.query(`(select 'view' as only_in, ${columns} from attempt except all select 'view', ${columns} from attempt_materialized)
    union all (select 'store', ${columns} from attempt_materialized except all select 'store', ${columns} from attempt)`)).rows
}
