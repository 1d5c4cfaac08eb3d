/** Signals that end a command: Ctrl-C, a supervisor, a closed terminal. */

const codes = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** At Ctrl-C the terminal and npm each send a signal; within this time they count as one. */
const oneSignalMs = 1_000

/** How many commands handle signals themselves. */
let handlers = 0

/**
 * Ends the process at a signal that no command handles. Without a listener Node would end it as well, but without the
 * event `exit`, which stops the embedded server.
 */
export function exitOnSignals(): void {
  for (const signal of signals)
    process.once(signal, () => {
      if (handlers === 0) process.exit(128 + codes[signal])
    })
}

/**
 * Lets a command shut down by itself: `received` resolves at the first signal. A second one ends the process at once,
 * with 1. `release` removes the listeners.
 */
export function handleSignals(): { received: Promise<void>; release(): void } {
  let stop: () => void = () => undefined
  const received = new Promise<void>((resolve) => {
    stop = resolve
  })
  let first: number | undefined
  const onSignal = () => {
    first ??= Date.now()
    if (Date.now() - first > oneSignalMs) process.exit(1)
    stop()
  }
  handlers++
  for (const signal of signals) process.on(signal, onSignal)
  return {
    received,
    release() {
      handlers--
      for (const signal of signals) process.removeListener(signal, onSignal)
    },
  }
}
