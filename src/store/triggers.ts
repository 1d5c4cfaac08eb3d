/**
 * Whether the triggers that fill the queue are there and fire as they were made to. They stand on another team's table:
 * `alter table exam_results disable trigger all` silences them, and the `enable trigger all` behind it, with which
 * pg_restore --disable-triggers and many scripts end, lets them fire in other sessions than before. What is written
 * meanwhile is in no queue.
 */
import type pg from 'pg'
import { transact, type Transaction } from '../migrate/transaction.js'

interface Trigger {
  name: string
  event: string
  does: 'attempt_enqueue' | 'attempt_enqueue_row'
  /** pg_trigger.tgenabled, A: in every session, R: in those of replication and restores. Undefined: it is not made there. */
  plain?: 'A' | 'R'
  partitioned?: 'A'
  /** Partitions have it, too. */
  inherited?: boolean
}

/** As the migration of the queue makes them, which is frozen and says why. */
const triggers: readonly Trigger[] = [
  {
    name: 'attempt_queue_insert',
    event: 'after insert on $ referencing new table as attempt_new for each statement',
    does: 'attempt_enqueue',
    plain: 'A',
  },
  {
    name: 'attempt_queue_update',
    event: 'after update on $ referencing old table as attempt_old new table as attempt_new for each statement',
    does: 'attempt_enqueue',
    plain: 'A',
  },
  {
    name: 'attempt_queue_delete',
    event: 'after delete on $ referencing old table as attempt_old for each statement',
    does: 'attempt_enqueue',
    plain: 'A',
  },
  {
    name: 'attempt_queue_row',
    event: 'after insert or update or delete on $ for each row',
    does: 'attempt_enqueue_row',
    plain: 'R',
    partitioned: 'A',
    inherited: true,
  },
  {
    name: 'attempt_queue_truncate',
    event: 'after truncate on $ for each statement',
    does: 'attempt_enqueue',
    plain: 'A',
    partitioned: 'A',
  },
]

const expected = [false, true].flatMap((partitioned) =>
  triggers.flatMap(({ name, does, inherited = false, ...on }) => {
    const fires = partitioned ? on.partitioned : on.plain
    return fires === undefined ? [] : [{ partitioned, name, does, inherited, fires }]
  }),
)

export interface TriggerFault {
  relation: string
  /** The table itself, and no partition of it. */
  top: boolean
  name: string
  fires: 'A' | 'R'
  /** tgenabled as it is; null: there is none, or it runs something else. */
  found: 'O' | 'D' | 'R' | 'A' | null
}

/** Every trigger that is not as it was made; empty too where this role finds no table exam_results. One look into the catalog. */
export async function triggerFaults(primary: pg.Pool | pg.ClientBase): Promise<TriggerFault[]> {
  const column = (name: keyof (typeof expected)[number]) => expected.map((one) => one[name])
  const { rows } = await (primary as pg.ClientBase).query<TriggerFault>(
    `
    with top as (select oid, relkind = 'p' as partitioned from pg_class where oid = to_regclass('exam_results')),
    relation as (
      select oid, partitioned, true as top from top
      union all select tree.relid, true, false from top, pg_partition_tree(top.oid) as tree where partitioned and tree.relid <> top.oid
    )
    select r.oid::regclass::text as relation, r.top, e.name, e.fires, case when f.proname = e.does then t.tgenabled end as found
    from relation r join unnest($1::boolean[], $2::text[], $3::text[], $4::boolean[], $5::text[]) as e (partitioned, name, does, inherited, fires)
      on e.partitioned = r.partitioned and (r.top or e.inherited)
    left join pg_trigger t on t.tgrelid = r.oid and t.tgname = e.name left join pg_proc f on f.oid = t.tgfoid
    where (t.tgenabled::text = e.fires and f.proname = e.does) is not true
    order by r.top desc, 1, e.name`,
    [column('partitioned'), column('name'), column('does'), column('inherited'), column('fires')],
  )
  return rows
}

const words = {
  O: 'fires in ordinary sessions alone',
  D: 'is disabled',
  R: 'fires in sessions of replication alone',
  A: 'fires in every session',
}

/** In a sentence; undefined: there are no faults. */
export function describeFaults(faults: readonly TriggerFault[]): string | undefined {
  if (faults.length === 0) return undefined
  const said = faults
    .slice(0, 5)
    .map(({ relation, name, found, fires }) =>
      found === null
        ? `${name} on ${relation} is missing`
        : `${name} on ${relation} ${words[found]} and was made so that it ${words[fires]}`,
    )
  return `The triggers that fill the queue are not as they were made: ${said.join(', ')}${faults.length > 5 ? `, and ${faults.length - 5} more` : ''}. attempt-api store enable mends them; then the store is filled anew, for what was written meanwhile is in no queue.`
}

/**
 * Makes every trigger as it was made first, in one transaction.
 * @throws LockedOut where others held the table for too long; whatever PostgreSQL says to a role that does not own it
 */
export async function mendTriggers(pool: pg.Pool, options: Transaction): Promise<void> {
  await transact(pool, options, async ({ client }) => {
    // a partition has what its table has: one that lacks it gets it with the new one
    const missing = new Set((await triggerFaults(client)).filter(({ found }) => found === null).map(({ name }) => name))
    for (const { name, event, does } of triggers) {
      if (!missing.has(name)) continue
      await client.query(`drop trigger if exists ${name} on exam_results`)
      await client.query(`create trigger ${name} ${event.replace('$', 'exam_results')} execute function ${does}()`)
    }
    for (const { relation, name, fires } of await triggerFaults(client))
      await client.query(`alter table ${relation} enable ${fires === 'A' ? 'always' : 'replica'} trigger ${name}`)
  })
}
