/** Waits for `work`, but not longer than so many milliseconds; undefined: it is not done by then, and goes on. */
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
