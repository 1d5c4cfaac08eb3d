/** Answers on the socket what the HTTP parser refuses: no hook or handler ever sees such a request. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorCodes, type ErrorCode } from '../errors.js'

const codes: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}
const phrases: Record<number, string> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

/** The headers that plugins/headers.ts gives to every other answer. */
export const bareHeaders = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const
const bareLines = Object.entries(bareHeaders).map(([name, value]) => `${name}: ${value}`)

const problem = (code: ErrorCode): string => {
  const { status, title } = errorCodes[code]
  return JSON.stringify({ type: 'about:blank', title, status, detail: title, instance: '', code, request_id: '' })
}

/** A request with an `Expect` other than 100-continue passes no hook either. */
export function answerExpectations(server: Server): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const body = problem('expectation_failed')
    response
      .writeHead(errorCodes.expectation_failed.status, {
        'content-length': Buffer.byteLength(body),
        'content-type': 'application/problem+json',
        ...bareHeaders,
        connection: 'close',
      })
      .end(body)
  })
}

/** Answers with a problem and closes the connection, because the next request on it cannot be found. */
export function answerBrokenRequest(error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
  // the rest of a request that was refused already
  if (socket.writableEnded) return
  // within an answer that has begun, a second one would look like its end
  const answering = (socket as unknown as { _httpMessage?: ServerResponse | null })._httpMessage
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
    socket.destroy()
    return
  }
  const code = codes[error.code ?? ''] ?? 'bad_request'
  const { status } = errorCodes[code]
  const body = problem(code)
  const isHead = Buffer.isBuffer(error.rawPacket) && error.rawPacket.toString('latin1', 0, 5) === 'HEAD '
  const head = [
    `HTTP/1.1 ${status} ${phrases[status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...bareLines,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${isHead ? '' : body}`)
  // a client that does not read it does not keep the socket
  setTimeout(() => {
    socket.destroy()
  }, 1_000).unref()
}
