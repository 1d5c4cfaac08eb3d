/** Finds misspelled variables. Without a warning, they would have no effect and stay unnoticed. */

import { editDistance } from './edit-distance.js'

/** Platforms set other variables with these prefixes (DATABASE_HOST, NODE_OPTIONS). */
const sharedPrefixes = ['DATABASE', 'NODE']
/** Variables that Kubernetes sets for a Service called `store`: STORE_SERVICE_HOST, STORE_PORT_5432_TCP_ADDR. */
const serviceLink = /_(SERVICE_(HOST|PORT)|PORT)(_|$)/

/** Prefixes that at least two variables share, with the underscore. */
function prefixesOf(variables: readonly string[]): string[] {
  const words = variables.map((name) => name.split('_')[0] ?? '')
  return [...new Set(words)]
    .filter((word) => !sharedPrefixes.includes(word) && words.indexOf(word) !== words.lastIndexOf(word))
    .map((word) => `${word}_`)
}

/**
 * Returns one sentence per name that is not a variable, but resembles one or has a prefix of our variables.
 * @param names the names that are set in the environment
 * @param variables the names of our variables
 */
export function misspelledVariables(names: readonly string[], variables: readonly string[]): string[] {
  const prefixes = prefixesOf(variables)
  return names
    .filter((name) => !variables.includes(name) && !serviceLink.test(name))
    .flatMap((name) => {
      const nearest = variables
        .map((variable) => ({
          variable,
          letters: editDistance(name, variable),
          begins: variable.startsWith(name),
        }))
        .sort((a, b) => Number(b.begins) - Number(a.begins) || a.letters - b.letters)[0]
      if (nearest === undefined) return []
      const { variable, letters, begins } = nearest
      // a short name may differ in one letter only: HOME is set everywhere and is not HOST
      const near = letters <= (variable.length < 8 ? 1 : 2)
      if (!near && !prefixes.some((prefix) => name.startsWith(prefix))) return []
      const meant =
        near || begins || letters <= variable.length / 3 ? `did you mean ${variable}?` : 'see docs/configuration.md.'
      return [`${name} is set but attempt-api has no such variable, so it has no effect; ${meant}`]
    })
}
