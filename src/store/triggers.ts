/**
 * Whether the triggers that fill the queue exist and are enabled as the migration made them. They are on another team's
 * table: `alter table exam_results disable trigger all` disables them, and the `enable trigger all` after it, with
 * which pg_restore --disable-triggers and many scripts end, enables them for other sessions than before. What is
 * written meanwhile is not in the queue.
 */
import type pg from 'pg'
import { transact, type Transaction } from '../migrate/transaction.js'

/** pg_trigger.tgenabled, as the queue's migration sets it. A: always; R: replication and restores. */
type Enabled = 'A' | 'R'

interface Trigger {
  name: string
  /** `$` stands for the table. */
  event: string
  does: 'attempt_enqueue' | 'attempt_enqueue_row'
  /** On a table without partitions; undefined: not made there. */
  plain?: Enabled
  partitioned?: Enabled
  /** Partitions have it, too. */
  inherited?: boolean
}

/** As made by the queue's migration, which is frozen and gives the reasons. */
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

/** Every trigger that is not as the migration made it; none where this role finds no table exam_results. */
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

/** Faults in the sentence, the others counted. */
const maxDescribed = 5

/** The faults in a sentence, and what to do; undefined: there are none. */
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
 * @throws LockTimeout where other transactions held the table for too long; the error of PostgreSQL where the role does
 * not own the table
 */
export async function restoreTriggers(pool: pg.Pool, options: Transaction): Promise<void> {
  await transact(pool, options, async ({ client }) => {
    // a partition inherits from its table: where it lacks a trigger, the table gets a new one
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
