/** Progress of a command, one line per step, with the seconds since the process began. */

export interface Progress {
  /** Begins a new line. */
  step(text: string): void
  /** Rewrites the line on a terminal; elsewhere begins a new one. */
  update(text: string): void
  /** Ends a line that `update` left open. */
  end(): void
}

export function createProgress(output: NodeJS.WriteStream): Progress {
  let open = false
  const line = (text: string) => `${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${text}`
  const end = () => {
    if (open) output.write('\n')
    open = false
  }
  return {
    step(text) {
      end()
      output.write(`${line(text)}\n`)
    },
    update(text) {
      output.write(output.isTTY ? `\r\u001b[K${line(text)}` : `${line(text)}\n`)
      open = output.isTTY
    },
    end,
  }
}
