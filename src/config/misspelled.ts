/** Finds misspelled variables. Without a warning, they would have no effect and stay unnoticed. */

import { editDistance } from './edit-distance.js'

/** Platforms set other variables with these prefixes (DATABASE_HOST, NODE_OPTIONS). */
const sharedPrefixes = ['DATABASE', 'NODE']
/** Variables that Kubernetes sets for a Service called `store`: STORE_SERVICE_HOST, STORE_PORT_5432_TCP_ADDR. */
const serviceLink = /_(SERVICE_(HOST|PORT)|PORT)(_|$)/

/** Names that other programs use for the URL of a database. */
const databaseUrlNames = ['DB_URL', 'DB_URI', 'POSTGRES_URL', 'POSTGRESQL_URL', 'PG_URL', 'PGURL']
/** A name of ours in front of a variable: ATTEMPT_API_PORT. */
const ourName = /^ATTEMPT(_API)?_(.+)$/

/** The variable that the name means for certain, whatever the distance of its letters. */
function meantVariable(name: string, variables: readonly string[]): string | undefined {
  if (databaseUrlNames.includes(name) && variables.includes('DATABASE_URL')) return 'DATABASE_URL'
  const bare = ourName.exec(name)?.[2] ?? name
  if (bare !== name && variables.includes(bare)) return bare
  // STREAMPOOL for STREAM_POOL_SIZE
  const letters = bare.replaceAll('_', '')
  return letters.length < 8 || bare.includes('_')
    ? undefined
    : variables.find((variable) => variable.includes('_') && variable.replaceAll('_', '').startsWith(letters))
}

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
      const meant = meantVariable(name, variables)
      const { variable, letters, begins } =
        meant === undefined ? nearest : { variable: meant, letters: 0, begins: true }
      // a short name may differ in one letter only: HOME is set everywhere and is not HOST
      const near = letters <= (variable.length < 8 ? 1 : 2)
      if (!near && !prefixes.some((prefix) => name.startsWith(prefix))) return []
      const hint =
        near || begins || letters <= variable.length / 3 ? `did you mean ${variable}?` : 'see docs/configuration.md.'
      return [`${name} is set but attempt-api has no such variable, so it has no effect; ${hint}`]
    })
}
