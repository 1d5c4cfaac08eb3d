/** What the HTTP parser refuses is answered on the socket: there is no request yet that a hook or handler could see. */
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

/** What plugins/headers.ts gives every answer that a hook sees. */
export const bareHeaders = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const
const bareLines = Object.entries(bareHeaders)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

const problem = (code: ErrorCode): string => {
  const { status, title } = errorCodes[code]
  return JSON.stringify({ type: 'about:blank', title, status, detail: title, instance: '', code, request_id: '' })
}

/** `Expect` with anything but 100-continue never becomes a request of ours either. */
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

/** Answers with a problem and closes the connection: what follows on it cannot be told apart any more. */
export function answerBrokenRequest(error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
  // more of what was refused already
  if (socket.writableEnded) return
  // within an answer that has begun, a second one would be taken for its end
  const answering = (socket as unknown as { _httpMessage?: ServerResponse | null })._httpMessage
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
    socket.destroy()
    return
  }
  const code = codes[error.code ?? ''] ?? 'bad_request'
  const { status } = errorCodes[code]
  const body = problem(code)
  socket.end(
    `HTTP/1.1 ${status} ${phrases[status] ?? ''}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${bareLines}connection: close\r\n\r\n${Buffer.isBuffer(error.rawPacket) && error.rawPacket.toString('latin1', 0, 5) === 'HEAD ' ? '' : body}`,
  )
  // whoever does not read it does not keep the socket
  setTimeout(() => {
    socket.destroy()
  }, 1_000).unref()
}
