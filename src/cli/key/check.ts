import { readFile } from 'node:fs/promises'
import { parseKeys } from '../../access/api-keys.js'
import { columns, defineCommand, UsageError } from '../command.js'

/** A key that expires sooner is marked. */
const soonMs = 30 * 86_400_000

async function readKeys(file: string) {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  })
  try {
    return parseKeys(text)
  } catch (error) {
    throw new Error(`${file} is invalid: ${(error as Error).message}`)
  }
}

export const check = defineCommand({
  examples: [
    ['attempt-api key check keys.yaml', 'check a file before it is deployed'],
    ['attempt-api key check', 'check the file in API_KEYS_FILE'],
  ],
  description: 'Lists name, scopes and expiry of every key.',
  operand: '[FILE]',
  options: {},
  exits: { 0: 'valid', 1: 'invalid; the message says where', 2: 'the file cannot be read' },
  async run(_options, { operand, config }) {
    const file = operand ?? config().apiKeysFile
    if (file === undefined) throw new UsageError('key check needs a FILE, or API_KEYS_FILE set')
    const keys = await readKeys(file)
    const now = Date.now()
    console.log(
      keys.length === 0
        ? 'The file has no keys: the service refuses every key.'
        : columns([
            ['name', 'scopes', 'expires', ''],
            ...keys.map(({ name, scopes, expires }) => [
              name,
              [...scopes].join(' '),
              new Date(expires).toISOString(),
              expires <= now ? 'expired' : expires < now + soonMs ? 'within 30 days' : '',
            ]),
          ]),
    )
    return 0
  },
})
