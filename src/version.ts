/** The version in package.json, which is one level above src and two above dist/src. */
import { existsSync, readFileSync } from 'node:fs'

const found = ['../package.json', '../../package.json']
  .map((path) => new URL(path, import.meta.url))
  .find((file) => existsSync(file))
export const serviceVersion =
  found === undefined ? 'unknown' : (JSON.parse(readFileSync(found, 'utf8')) as { version: string }).version
