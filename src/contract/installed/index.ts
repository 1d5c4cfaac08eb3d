/** The definitions that this version's migrations install, as each major version of PostgreSQL prints them. */
import type { PrintedDefinitions } from '../contract.js'
import { postgres14 } from './postgres-14.js'
import { postgres16 } from './postgres-16.js'

export const installedDefinitions: Readonly<Record<string, PrintedDefinitions>> = {
  '14': postgres14,
  '15': postgres14,
  '16': postgres16,
  '17': postgres16,
  '18': postgres16,
}
