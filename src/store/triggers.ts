/**
 * Checks and restores the triggers that fill the queue. They are on exam_results, which another team owns and may
 * change. `alter table exam_results disable trigger all` disables them. A later `enable trigger all`, as pg_restore
 * --disable-triggers and many scripts run it, enables them for other sessions than the migration did. Writes in between
 * are missing in the queue.
 */
import type pg from 'pg'
import { transact, type Transaction } from '../migrate/transaction.js'

/** pg_trigger.tgenabled, as the queue's migration sets it. A: always; R: replication and restores. */
type Enabled = 'A' | 'R'

interface Trigger {
  name: string
  /** `$` is replaced by the name of the table. */
  event: string
  /** The function that it executes. */
  does: 'attempt_enqueue' | 'attempt_enqueue_row'
  /** State on a table without partitions, and on a partitioned one; undefined: no such trigger there. */
  plain?: Enabled
  partitioned?: Enabled
  /** Whether partitions inherit it. */
  inherited?: boolean
}

/** As created by the queue's migration, which is frozen and explains them. */
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
    const enabled = partitioned ? on.partitioned : on.plain
    return enabled === undefined ? [] : [{ partitioned, name, does, inherited, enabled }]
  }),
)

export interface TriggerFault {
  relation: string
  /** The table itself, not a partition of it. */
  top: boolean
  name: string
  expected: Enabled
  /** pg_trigger.tgenabled; null: the trigger is missing, or executes another function. */
  found: 'O' | 'D' | 'R' | 'A' | null
}

const faultsSql = `with top as (
  select oid, relkind = 'p' as partitioned
  from pg_class
  where oid = to_regclass('exam_results')
), relation as (
  select oid, partitioned, true as top from top
  union all
  select tree.relid, true, false
  from top, pg_partition_tree(top.oid) as tree
  where partitioned and tree.relid <> top.oid
)
select
  r.oid::regclass::text as relation,
  r.top,
  e.name,
  e.enabled as expected,
  case when f.proname = e.does then t.tgenabled end as found
from relation r
join unnest($1::boolean[], $2::text[], $3::text[], $4::boolean[], $5::text[])
  as e (partitioned, name, does, inherited, enabled)
  on e.partitioned = r.partitioned and (r.top or e.inherited)
left join pg_trigger t on t.tgrelid = r.oid and t.tgname = e.name
left join pg_proc f on f.oid = t.tgfoid
where (t.tgenabled::text = e.enabled and f.proname = e.does) is not true
order by r.top desc, 1, e.name`

/** Every trigger that is not as the migration created it; empty if this role finds no table exam_results. */
export async function triggerFaults(primary: Pick<pg.ClientBase, 'query'>): Promise<TriggerFault[]> {
  const column = (name: keyof (typeof expected)[number]) => expected.map((trigger) => trigger[name])
  const { rows } = await primary.query<TriggerFault>(faultsSql, [
    column('partitioned'),
    column('name'),
    column('does'),
    column('inherited'),
    column('enabled'),
  ])
  return rows
}

const states = {
  O: 'enabled for ordinary sessions only',
  D: 'disabled',
  R: 'enabled for replication and restores only',
  A: 'enabled for every session',
}

/** The message lists this many faults and counts the others. */
const maxDescribed = 5

/** A message with the faults and what to do; undefined: there are none. */
export function describeFaults(faults: readonly TriggerFault[]): string | undefined {
  if (faults.length === 0) return undefined
  const described = faults
    .slice(0, maxDescribed)
    .map(({ relation, name, found, expected }) =>
      found === null
        ? `${name} on ${relation} is missing`
        : `${name} on ${relation} is ${states[found]}, expected: ${states[expected]}`,
    )
  if (faults.length > maxDescribed) described.push(`and ${faults.length - maxDescribed} more`)
  return (
    `The triggers on exam_results that fill the queue were changed: ${described.join('; ')}. ` +
    'Run attempt-api store enable: it restores the triggers and has the store filled again, ' +
    'because the queue missed what was written meanwhile.'
  )
}

/**
 * Restores every trigger, in one transaction.
 * @throws LockTimeout if other transactions lock the table for too long; the error of PostgreSQL if the role does not
 * own the table
 */
export async function restoreTriggers(pool: pg.Pool, options: Transaction): Promise<void> {
  await transact(pool, options, async ({ client }) => {
    // partitions inherit from their table: if a partition lacks a trigger, the one of the table is created again
    const missing = new Set((await triggerFaults(client)).filter(({ found }) => found === null).map(({ name }) => name))
    for (const { name, event, does } of triggers) {
      if (!missing.has(name)) continue
      await client.query(`drop trigger if exists ${name} on exam_results`)
      await client.query(`create trigger ${name} ${event.replace('$', 'exam_results')} execute function ${does}()`)
    }
    for (const { relation, name, expected } of await triggerFaults(client))
      await client.query(`alter table ${relation} enable ${expected === 'A' ? 'always' : 'replica'} trigger ${name}`)
  })
}
