/** Conditional requests: the entity tag of an answer. */
import { createHash } from 'node:crypto'
import type { EtagScope, EtagVersion } from '../queries/etag-version.js'

/** @param what else of the request the answer depends on */
export const etagOf = ({ version, count, epoch }: EtagVersion, scope: EtagScope, what: unknown): string =>
  // weak: as_of and the spelling of a representation may differ
  `W/"${version}-${createHash('sha256')
    .update(JSON.stringify([epoch, count, scope, what]))
    .digest('base64url')
    .slice(0, 12)}"`

/**
 * Whether If-None-Match has the tag: compared weakly (RFC 9110, 13.1.2), because a proxy may have removed the W/.
 * @param any whether `*` matches
 */
export const matchesEtag = (header: string, tag: string, any: boolean): boolean =>
  header.trim() === '*' ? any : header.match(/"[^"]*"/g)?.includes(tag.slice(2)) === true
