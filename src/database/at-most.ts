/**
 * Waits for `work` for at most `ms` milliseconds.
 * @returns undefined if `work` has not settled by then; it continues
 */
export async function atMost<T>(work: Promise<T>, ms: number): Promise<{ result: T } | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((done) => {
    timer = setTimeout(() => {
      done(undefined)
    }, ms)
  })
  return Promise.race([work.then((result) => ({ result })), late]).finally(() => {
    clearTimeout(timer)
  })
}
