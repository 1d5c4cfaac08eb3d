import { createRefresher } from '../../store/refresher.js'
import { relationExists } from '../../migrate/ledger.js'
import { defineCommand, flag, print } from '../command.js'
import { isUnreachable } from '../failure.js'
import { handleSignals } from '../signals.js'
import { onStore, requireStore, type StoreConnections } from './connections.js'

/** The service logs JSON; here a line is the message and its fields. */
function logLine(fields: object, message: string): void {
  const described = Object.entries(fields).map(
    ([name, value]) => `${name} ${value instanceof Error ? value.message : String(value)}`,
  )
  print([message, ...described].join('  '))
}

/** @throws Error if this role may not write to the store: the refresher would wait for ever for one that may */
async function requireWrite({ store }: StoreConnections): Promise<void> {
  const { rows } = await store.query<{ may: boolean }>(`select has_table_privilege('attempt_store', 'update') as may`)
  if (rows[0]?.may !== true)
    throw new Error(
      'This database role may not write to the store: use the role of the refresher (docs/access.md, roles).',
    )
}

async function refreshStore(connections: StoreConnections, untilCaughtUp: boolean, retentionH: number) {
  const { primaryUrl, storeUrl, primary, store } = connections
  await requireStore(connections)
  // if the primary cannot be reached, this error names its variable
  await relationExists(primary, 'attempt_queue')
  await requireWrite(connections)
  const refresher = createRefresher({
    primaryUrl,
    storeUrl,
    once: untilCaughtUp,
    retentionH,
    log: { info: logLine, warn: logLine, error: logLine },
  })
  const running = refresher.run().then(() => 'caught up' as const)
  connections.onUnresponsive((server) => {
    refresher.dropConnections(server)
  })
  const signals = handleSignals()
  try {
    const ended = await Promise.race([running, signals.received])
    if (!untilCaughtUp || ended === 'caught up') return 0
    console.error('attempt-api: stopped before the store had caught up')
    return 1
  } catch (error) {
    // errors of the refresher's own pools name no variable; those of these pools do
    for (const pool of [store, primary]) if (isUnreachable(error)) await relationExists(pool, 'attempt_store')
    throw error
  } finally {
    await refresher.stop()
    signals.release()
  }
}

export const refresh = defineCommand({
  examples: [
    ['attempt-api store refresh', 'run a refresher of its own, beside replicas with STORE_REFRESH=off'],
    ['attempt-api store refresh --once', 'bring the store up to date, then exit'],
  ],
  description: `
    Runs until it is stopped with Ctrl-C or SIGTERM. The service does the same unless STORE_REFRESH=off. If several
    refreshers run, one works and the others wait.`,
  options: { once: flag('exit when the store has caught up') },
  exits: {
    0: 'stopped, or caught up (--once)',
    1: 'failed, or stopped before the store had caught up (--once)',
    3: 'a database could not be reached for 10 seconds (--once): retry',
  },
  run({ once: untilCaughtUp }, { config }) {
    const settings = config()
    return onStore(settings, (connections) => refreshStore(connections, untilCaughtUp, settings.storeRetentionH))
  },
})
