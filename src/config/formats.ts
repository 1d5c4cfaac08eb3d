/** Checks the text of a variable: URLs, origins, networks. */
import { isIP } from 'node:net'

/** Whether the driver can read the URL; the URL of a Unix socket may have no host. */
export const isDatabaseUrl = (text: string): boolean =>
  /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@host/'), 'postgres://host')

/** An IP address or a host name. */
export const isHost = (text: string): boolean => isIP(text) !== 0 || /^[\w-]+(\.[\w-]+)*\.?$/.test(text)

/** Whether the address can be reached only from this machine. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|::1|(0+:){7}0*1|::ffff:127(\.\d{1,3}){3})$/i.test(host)

/** A URL whose answer cannot be changed on the network: https, or http on a loopback address. */
export const isSafeUrl = (text: string): boolean =>
  URL.canParse(text) &&
  (/^https:/.test(text) || (/^http:/.test(text) && isLoopback(new URL(text).hostname.replace(/^\[|\]$/g, ''))))

/** An origin exactly as a browser sends it. */
export const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text

/** An IP address, or a network such as 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  if (isIP(address) === 0 || more !== undefined) return false
  return (
    bits === undefined ||
    (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (isIP(address) === 4 ? 32 : 128))
  )
}

/** An IANA time zone. */
export function isZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }) !== undefined
  } catch {
    return false
  }
}
