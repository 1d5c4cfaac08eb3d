/** Whom the limits per client count a request for. */
import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/** The client of a request: the caller of its key or token, else its address (IPv6: its /64 network). */
export const clientOf = ({ caller, ip }: Pick<FastifyRequest, 'caller' | 'ip'>): string =>
  caller === undefined ? `address ${normalizeIP(ip)}` : `caller ${caller.id}`

/** The client in a sentence of the log: the name of its key or token, never a subject; without one, its address. */
export const nameOfClient = ({ caller, ip }: Pick<FastifyRequest, 'caller' | 'ip'>): string =>
  caller === undefined ? `address ${ip}` : caller.name
