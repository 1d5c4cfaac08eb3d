/** API keys: created here, stored as hashes in a file that is read again when it changes. */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { LineCounter, parseDocument } from 'yaml'
import { InvalidToken, knownScopes, scopes, type Caller, type GivenScope } from './caller.js'

/** Lets people and secret scanners recognise a key: attempt_key_[0-9A-Za-z]{43}_[0-9a-f]{8} */
export const keyPrefix = 'attempt_key_'
const keyPattern = /^attempt_key_[0-9A-Za-z]{43}_[0-9a-f]{8}$/
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** One entry of the file. Two entries may have the same name, so a key can be replaced without an interruption. */
export interface ApiKey {
  name: string
  hash: Buffer
  scopes: ReadonlySet<GivenScope>
  /** Milliseconds since 1970; from then on the key is refused. */
  expires: number
}

/*
 * One SHA-256, without a salt or a slow function: those protect passwords that people choose. A key has 256 random
 * bits, which cannot be guessed however fast the hash is, and a slow hash would let wrong keys keep the service busy.
 */
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A part of the key's own hash: shows that a key was copied incompletely, without comparing it to any other. */
const checksum = (body: string): string => sha256(body).toString('hex', 0, 4)

/** @returns a new key, to be shown once, and its hash for the file */
export function createKey(): { key: string; hash: string } {
  const body = `${keyPrefix}${Array.from({ length: 43 }, () => alphabet[randomInt(alphabet.length)]).join('')}`
  const key = `${body}_${checksum(body)}`
  return { key, hash: sha256(key).toString('hex') }
}

/** A date (its start in UTC) or a timestamp with an offset, as milliseconds since 1970; NaN if it is neither. */
export function readMoment(text: string): number {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return NaN
  const day = text.slice(0, 10)
  const midnight = Date.parse(`${day}T00:00:00Z`)
  // Date reads the 31st of June as the 1st of July
  return Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day ? NaN : Date.parse(text)
}

export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * Reads the text of a key file, YAML or JSON: `keys: [{ name, sha256, scopes, expires }]`.
 * @throws Error that names every problem and quotes nothing of the file except names of keys
 */
export function parseKeys(text: string): ApiKey[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, uniqueKeys: true })
  const [broken] = document.errors
  if (broken !== undefined) throw new Error(`line ${lines.linePos(broken.pos[0]).line} is not valid YAML or JSON`)
  // an alias could make a small file a large one
  const content = document.toJS({ maxAliasCount: 0 }) as unknown
  const entries = isObject(content) && Object.keys(content).length === 1 ? content['keys'] : undefined
  if (!Array.isArray(entries)) throw new Error('the file must have one member, a list called keys')
  const problems: string[] = []
  const seen = new Map<string, string>()
  const keys = entries.map((entry: unknown, index): ApiKey => {
    const { name, sha256: hash, scopes: given, expires, ...others } = isObject(entry) ? entry : {}
    const named = typeof name === 'string' && namePattern.test(name) && !name.startsWith(keyPrefix) ? name : undefined
    const place = named === undefined ? `number ${index + 1}` : `number ${index + 1} (${named})`
    if (named === undefined)
      problems.push(`${place} needs a name of at most 64 letters, digits, dots, dashes and underscores`)
    if (Object.keys(others).length > 0)
      problems.push(`${place} has members other than name, sha256, scopes and expires`)
    if (typeof hash === 'string' && hash.startsWith(keyPrefix))
      problems.push(`${place} has the key itself instead of its SHA-256: the key is no longer secret, create a new one`)
    else if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash))
      problems.push(`${place} needs sha256: 64 hexadecimal digits in quotes`)
    else if (seen.has(hash)) problems.push(`${place} has the hash of ${seen.get(hash) ?? ''}`)
    else seen.set(hash, place)
    if (
      !Array.isArray(given) ||
      given.length === 0 ||
      given.some((scope) => !(scopes as readonly unknown[]).includes(scope))
    )
      problems.push(`${place} needs scopes: a list with any of ${scopes.join(', ')}`)
    const moment = typeof expires === 'string' ? readMoment(expires) : NaN
    if (Number.isNaN(moment))
      problems.push(`${place} needs expires: a date such as 2027-01-01, or a timestamp with an offset`)
    return {
      name: named ?? '',
      hash: Buffer.from(String(hash), 'hex'),
      scopes: knownScopes(Array.isArray(given) ? (given as string[]) : []),
      expires: moment,
    }
  })
  if (problems.length > 0) throw new Error(problems.join('; '))
  return keys
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The caller whose key this is.
 * @throws InvalidToken
 */
export function findCaller(keys: readonly ApiKey[], presented: string, now = Date.now()): Caller {
  const body = presented.slice(0, presented.lastIndexOf('_'))
  if (!keyPattern.test(presented) || presented !== `${body}_${checksum(body)}`)
    throw new InvalidToken('The key is damaged. Check that it was copied completely')
  const hash = sha256(presented)
  let found: ApiKey | undefined
  // every key is compared, each to its last byte, so the time reveals nothing about the keys
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key
  if (found === undefined) throw new InvalidToken('The key is unknown')
  if (found.expires <= now) throw new InvalidToken('The key has expired')
  return { name: found.name, id: `key:${found.name}`, scopes: found.scopes }
}

export interface KeyLog {
  info(object: object, message: string): void
  error(object: object, message: string): void
}

export interface KeyFile {
  keys(): readonly ApiKey[]
  /** Begins to read the file again when it changes. */
  follow(log: KeyLog): void
  close(): void
}

/** Bytes; a larger file is not a key file. */
const largestFile = 1_000_000

async function readKeyFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const { code = 'error' } = error as { code?: string }
    throw new Error(
      code === 'ENOENT'
        ? 'there is no such file (ENOENT); create it with attempt-api key create, or correct the path'
        : `the file cannot be read (${code}); give the user of the service the right to read it, or correct the path`,
    )
  })
  if (text.length > largestFile) throw new Error(`the file is larger than ${largestFile} bytes`)
  return text
}

/**
 * Reads the key file. After `follow` its text is read again every `everyMs` milliseconds, because a mounted secret
 * changes by swapped links, which the watchers of the operating system do not report. A new text is used once it was
 * read twice, so a file that is being written is never used. An invalid file is logged; the keys stay in force.
 * @throws Error if the file is invalid at the start
 */
export async function loadKeyFile(file: string, everyMs = 1_000): Promise<KeyFile> {
  const read = async () => {
    const text = await readKeyFile(file)
    return { text, keys: parseKeys(text) }
  }
  let current = await read().catch((error: unknown) => {
    throw new Error(`API_KEYS_FILE=${file} is invalid: ${(error as Error).message}.`)
  })
  let before = current.text
  let reported = ''
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function poll(log: KeyLog): Promise<void> {
    try {
      const text = await readKeyFile(file)
      const settled = text === before
      before = text
      if (!settled || (text === current.text && reported === '')) return
      if (text !== current.text) current = { text, keys: parseKeys(text) }
      reported = ''
      log.info({ keys: current.keys.map(({ name }) => name) }, 'API_KEYS_FILE has changed: its keys are in force')
    } catch (error) {
      const { message } = error as Error
      if (message === reported) return
      reported = message
      log.error({ reason: message }, 'API_KEYS_FILE is invalid; the previous keys stay in force')
    }
  }

  return {
    keys: () => current.keys,
    follow(log) {
      // never two at once, and the timer does not keep the process alive
      const next = () => {
        timer = setTimeout(() => {
          void poll(log).finally(() => {
            if (!closed) next()
          })
        }, everyMs).unref()
      }
      next()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
