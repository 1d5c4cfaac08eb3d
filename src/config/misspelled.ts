/** Variables that are set and have no effect: a misspelled name is otherwise noticed only when its limit is missed. */

/** Platforms set variables of these prefixes for purposes of their own (DATABASE_HOST, NODE_OPTIONS). */
const sharedPrefixes = ['DATABASE', 'NODE']
/** What Kubernetes sets for a Service called `store`: STORE_SERVICE_HOST, STORE_PORT_5432_TCP_ADDR. */
const serviceLink = /_(SERVICE_(HOST|PORT)|PORT)(_|$)/

/** Letters to insert, delete or replace between two names (Levenshtein). */
function distance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_value, index) => index)
  for (const [row, letter] of [...one].entries()) {
    const current = [row + 1]
    for (const [column, opposite] of [...other].entries())
      current.push(
        Math.min(
          (above[column] ?? 0) + (letter === opposite ? 0 : 1),
          (above[column + 1] ?? 0) + 1,
          (current[column] ?? 0) + 1,
        ),
      )
    above = current
  }
  return above.at(-1) ?? 0
}

/** Prefixes that at least two variables share, with their underscore. */
function prefixesOf(known: readonly string[]): string[] {
  const words = known.map((name) => name.split('_')[0] ?? '')
  return [...new Set(words)]
    .filter((word) => !sharedPrefixes.includes(word) && words.filter((other) => other === word).length > 1)
    .map((word) => `${word}_`)
}

/**
 * One sentence per name that is not a variable but resembles one, or has a prefix of ours.
 * @param names those that are set
 * @param known the variables
 */
export function misspelledVariables(names: readonly string[], known: readonly string[]): string[] {
  const prefixes = prefixesOf(known)
  return names
    .filter((name) => !known.includes(name) && !serviceLink.test(name))
    .flatMap((name) => {
      const nearest = known
        .map((one) => ({ one, letters: distance(name, one), begins: one.startsWith(name) }))
        .sort((a, b) => Number(b.begins) - Number(a.begins) || a.letters - b.letters)[0]
      if (nearest === undefined) return []
      const { one, letters, begins } = nearest
      // of a short name one letter is much: HOME is set everywhere and is not HOST
      const near = letters <= (one.length < 8 ? 1 : 2)
      if (!near && !prefixes.some((prefix) => name.startsWith(prefix))) return []
      const meant = near || begins || letters <= one.length / 3 ? `did you mean ${one}?` : 'see docs/configuration.md.'
      return [`${name} is set but attempt-api has no such variable, so it has no effect; ${meant}`]
    })
}
