/** The version of the service, from the package that it was built of; both the source and dist/src stand in it. */
import { existsSync, readFileSync } from 'node:fs'

const found = ['../package.json', '../../package.json']
  .map((path) => new URL(path, import.meta.url))
  .find((file) => existsSync(file))
export const serviceVersion =
  found === undefined ? 'unknown' : (JSON.parse(readFileSync(found, 'utf8')) as { version: string }).version
