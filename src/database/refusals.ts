/**
 * What only an operator can change before the database accepts the service: a password, a role, a grant, TLS. A retry
 * does not help. Each becomes one sentence for the log, with the role, the object and the statement that mends it.
 */
import { ApiError, firstError } from '../errors.js'

/** Where an error of the database came from. */
export interface Origin {
  /** The URL of the pool. Never logged. */
  url: string
  /** `application_name` of the pool, which tells the refresher from the requests. */
  application: string
}

const origins = new WeakMap<object, Origin>()

/** Remembers which pool's server sent the error. */
export function recordOrigin(error: object, origin: Origin): void {
  origins.set(error, origin)
}

export interface Refusal {
  /** For the log: names role and object, and ends with the remedy. */
  sentence: string
  url: string | undefined
}

/** What the refresher needs, as in docs/access.md; readers need `select`. */
const refresherPrivileges: Readonly<Record<string, string>> = {
  attempt_queue: 'select, delete',
  attempt_queue_reader: 'select, update',
}
const storePrivileges = 'select, insert, update, delete, truncate'

/** The user name of a URL; PostgreSQL names it in some of its messages, but not for a missing privilege. */
function roleOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  const [, user] = /^\w+:\/\/([^:@/?]+)(?::[^@]*)?@/.exec(url) ?? []
  try {
    return user === undefined ? undefined : decodeURIComponent(user)
  } catch {
    return user
  }
}

/** An SQL identifier, quoted where it needs to be. */
export const quoteIdentifier = (name: string) =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

/** A missing privilege: the statement that grants it. PostgreSQL translates its messages; then only they are quoted. */
function missingPrivilege(message: string, origin: Origin | undefined): string {
  const role = roleOf(origin?.url)
  const who = role === undefined ? 'the role of the service' : `the role ${JSON.stringify(role)}`
  const grantee = role === undefined ? 'ROLE' : quoteIdentifier(role)
  const [, kind, name = ''] = /^permission denied for ([a-z ]+?) "?([^"]+)"?$/.exec(message) ?? []
  if (kind === undefined) return `${who} lacks a privilege (${message}): grant it, see the roles in docs/access.md`
  const object = quoteIdentifier(name)
  const grants: Record<string, string> = {
    schema: `usage on schema ${object}`,
    database: `connect on database ${object}`,
    function: `execute on function ${object}`,
  }
  const privileges =
    origin?.application === 'attempt-api refresher' && kind === 'table'
      ? (refresherPrivileges[name] ?? storePrivileges)
      : 'select'
  const grant = `grant ${grants[kind] ?? `${privileges} on ${object}`} to ${grantee}`
  return `${who} has no privilege on the ${kind} ${object}: run \`${grant};\` as its owner (docs/access.md, roles)`
}

const storeRelation = /^attempt_(queue|store|materialized|deleted|epoch|day|topic_day|set_aside)/

/** A view or table of ours that is not there, or not on the search_path. */
function missingRelation(message: string): string {
  const [, name = 'attempt'] = /"(?:[^".]+\.)?([^".]+)"/.exec(message) ?? []
  const command = storeRelation.test(name) ? 'store enable' : 'migrate up (with --again if the view was there before)'
  return `the database lacks ${name}, or the search_path of the session does: run attempt-api ${command}`
}

type Rule = (message: string, origin: Origin | undefined) => string

const quotedRole = (origin: Origin | undefined) => {
  const role = roleOf(origin?.url)
  return role === undefined ? 'the role' : `the role ${JSON.stringify(role)}`
}

const authority: Rule = () =>
  'the certificate of the database is not signed by a known authority: append sslrootcert=FILE with the certificate ' +
  'of its authority to the URL'

/** By SQLSTATE, or by the code of an error of TLS. */
const rules: Readonly<Record<string, Rule>> = {
  '28P01': (_message, origin) =>
    `the database refuses the password of ${quotedRole(origin)}: correct the user and password in the URL, or run ` +
    '`alter role ... password`',
  '28000': (message, origin) =>
    /not permitted to log in/.test(message)
      ? `${quotedRole(origin)} may not log in: run \`alter role ... login;\`, or use another role in the URL`
      : /does not exist/.test(message)
        ? `${quotedRole(origin)} does not exist: create it (docs/access.md, roles), or correct the user in the URL`
        : /pg_hba/.test(message)
          ? `the server accepts no connection of ${quotedRole(origin)} from here: add a line to its pg_hba.conf` +
            (/no encryption|SSL off/.test(message) ? ', or use TLS with sslmode=verify-full in the URL' : '')
          : /no PostgreSQL user name/.test(message)
            ? 'the URL names no user: write it as postgres://user:password@host:5432/database'
            : `the database refuses ${quotedRole(origin)}: check the user in the URL and the server's pg_hba.conf`,
  '3D000': (message) =>
    `the database ${/"(.*)"/.exec(message)?.[0] ?? 'of the URL'} does not exist: correct its name in the URL, or ` +
    'create it',
  '3F000': (message) => `${message}: correct the schema in the URL, or create it`,
  '42501': missingPrivilege,
  '42P01': missingRelation,
  '42704': (message) => `the database refuses an option of the URL: ${message}; correct options=... in the URL`,
  '22023': (message) => `the database refuses an option of the URL: ${message}; correct options=... in the URL`,
  DEPTH_ZERO_SELF_SIGNED_CERT: authority,
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  UNABLE_TO_GET_ISSUER_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: authority,
  CERT_HAS_EXPIRED: () => 'the certificate of the database has expired: renew it on the server',
  ERR_TLS_CERT_ALTNAME_INVALID: () =>
    'the certificate of the database is for another host name: use a host in the URL that the certificate names',
}

/** Errors of the driver without a code. */
const noTls = /server does not support SSL/
const noPassword = /client password must be a string|SASL/

/**
 * Why the database refuses the service for good; undefined for errors that pass, or that are ours.
 * A message of class 22 or 42 counts only where it ends the connection attempt: in a statement it is a bug or drift.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  const first = firstError(error)
  const { code = '', message } = first
  const origin = origins.get(first)
  const url = origin?.url
  const fatal = (first as { severity?: string }).severity === 'FATAL'
  if (code === '' && noTls.test(message))
    return { sentence: 'the database offers no TLS: enable it on the server, or leave sslmode out of the URL', url }
  if (code === '' && noPassword.test(message))
    return { sentence: 'the database asks for a password and the URL has none: add it to the URL', url }
  const rule = rules[code]
  if (rule === undefined) return undefined
  if (!fatal && /^(22023|42704|3F000)$/.test(code)) return undefined
  const sentence = rule(message, origin)
  return { sentence, url }
}

/** For clients: names no role, host or object. The long Retry-After spares the log of a client that retries anyway. */
export const refusedError = (): ApiError =>
  new ApiError(
    'database_unavailable',
    'The database refuses the service. Retrying does not help until an operator has changed a setting or a ' +
      'privilege; the log of the service names it.',
    undefined,
    60,
  )
