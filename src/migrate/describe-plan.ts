/** A plan as sentences and SQL, for a terminal. */
import type { LockMode, Plan } from './plan.js'

const bothContinue = 'readers and writers continue'
const writersWait = 'writers wait until the commit, readers continue'
/** What a table lock of a mode means for other sessions. */
const effects: Record<LockMode, string> = {
  AccessShareLock: 'blocks neither readers nor writers',
  RowShareLock: bothContinue,
  RowExclusiveLock: bothContinue,
  ShareUpdateExclusiveLock: bothContinue,
  ShareLock: writersWait,
  ShareRowExclusiveLock: writersWait,
  ExclusiveLock: writersWait,
  AccessExclusiveLock: 'readers and writers wait until the commit',
}

function transactionLines({ pending, again, noop, statements, locks }: Plan): string[] {
  if (pending.length === 0) return ['Nothing to apply: every migration is applied.']
  return [
    `${again.length > 0 ? 'To apply again' : 'Pending'}: ${pending.join(', ')}.`,
    noop
      ? 'The views are already as the migrations create them: only the record would be written.'
      : 'The trial passed the contract check and was rolled back.',
    '',
    '-- in one transaction',
    '',
    statements.join('\n\n'),
    '',
    'Table locks on existing relations, as held in the trial:',
    ...(locks.length === 0
      ? ['  none']
      : locks.map(({ relation, mode }) => `  ${relation.padEnd(28)} ${mode.padEnd(25)} ${effects[mode]}`)),
    'Each try waits at most 2 s for table locks, and then lets other sessions go first.',
  ]
}

function indexLines({ indexes, indexLocks, indexesRefused }: Plan): string[] {
  const refused = indexesRefused === null ? [] : [`-- migrate up would be refused: ${indexesRefused}`]
  if (indexes.length === 0) return refused
  return [
    '',
    '-- outside the transaction; --no-indexes leaves them out',
    ...indexes,
    ...indexLocks.map(
      ({ relation, mode }) =>
        `-- ${relation}: ${mode}, ${effects[mode]}; each build waits for transactions that began before it`,
    ),
    ...refused,
  ]
}

export function describePlan(plan: Plan): string {
  const dependants =
    plan.dependants.length === 0
      ? 'Nothing depends on the view attempt.'
      : `Depending on the view attempt: ${plan.dependants.join(', ')}.`
  return [...transactionLines(plan), dependants, ...indexLines(plan)].join('\n')
}
