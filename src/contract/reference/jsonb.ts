/** JSON as jsonb reads and prints it, written without PostgreSQL: for the reference implementation. */

/** A JSON value as jsonb keeps it: numbers by their decimal text, objects with the last of equal keys. */
export type Json =
  | { kind: 'null' }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'number'; text: string }
  | { kind: 'string'; value: string }
  | { kind: 'array'; items: Json[] }
  | { kind: 'object'; fields: Map<string, Json> }

/** The decimal text jsonb keeps of a JSON number: no exponent, trailing zeros kept, no negative zero. */
export function numberText(literal: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal)
  if (parts === null) throw new Error(`not a JSON number: ${literal}`)
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const shift = Number(exponent)
  let digits = whole + fraction
  let point = whole.length + shift
  if (point > digits.length) digits += '0'.repeat(point - digits.length)
  if (point < 0) {
    digits = '0'.repeat(-point) + digits
    point = 0
  }
  const integer = digits.slice(0, point).replace(/^0+/, '') || '0'
  // a positive exponent takes decimals, so 1.50e1 keeps one of its two
  const decimals = digits.slice(point)
  const zero = /^0*$/.test(digits)
  return (zero ? '' : sign) + integer + (decimals === '' ? '' : `.${decimals}`)
}

/** Reads JSON text the way jsonb does. */
export function parseJson(text: string): Json {
  let at = 0
  const blanks = () => {
    while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++
  }
  const take = (token: string) => {
    if (!text.startsWith(token, at)) throw new Error(`JSON: ${token} expected at ${at}`)
    at += token.length
  }
  const string = (): string => {
    const start = at
    take('"')
    while (text.charAt(at) !== '"') {
      if (at >= text.length) throw new Error('JSON: string without an end')
      at += text.charAt(at) === '\\' ? 2 : 1
    }
    at++
    return JSON.parse(text.slice(start, at)) as string
  }
  const value = (): Json => {
    blanks()
    switch (text.charAt(at)) {
      case '{': {
        const fields = new Map<string, Json>()
        take('{')
        blanks()
        while (text.charAt(at) !== '}') {
          if (fields.size > 0) take(',')
          blanks()
          const key = string()
          blanks()
          take(':')
          fields.set(key, value())
          blanks()
        }
        take('}')
        return { kind: 'object', fields }
      }
      case '[': {
        const items: Json[] = []
        take('[')
        blanks()
        while (text.charAt(at) !== ']') {
          if (items.length > 0) take(',')
          items.push(value())
          blanks()
        }
        take(']')
        return { kind: 'array', items }
      }
      case '"':
        return { kind: 'string', value: string() }
      case 't':
        take('true')
        return { kind: 'boolean', value: true }
      case 'f':
        take('false')
        return { kind: 'boolean', value: false }
      case 'n':
        take('null')
        return { kind: 'null' }
      default: {
        const number = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y
        number.lastIndex = at
        const found = number.exec(text)
        if (found === null) throw new Error(`JSON: value expected at ${at}`)
        at += found[0].length
        return { kind: 'number', text: numberText(found[0]) }
      }
    }
  }
  const whole = value()
  blanks()
  if (at !== text.length) throw new Error(`JSON: end expected at ${at}`)
  return whole
}

const escapes: Record<string, string> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
}

function quoted(text: string): string {
  const escaped = (c: string) => escapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `"${text.replace(/[\u0000-\u001f"\\]/g, escaped)}"`
}

/** jsonb orders keys by their length in bytes, then by bytes. */
function byKey([a]: [string, Json], [b]: [string, Json]): number {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length - y.length || Buffer.compare(x, y)
}

function jsonbText(json: Json): string {
  switch (json.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(json.value)
    case 'number':
      return json.text
    case 'string':
      return quoted(json.value)
    case 'array':
      return `[${json.items.map(jsonbText).join(', ')}]`
    case 'object':
      return `{${[...json.fields]
        .sort(byKey)
        .map(([key, field]) => `${quoted(key)}: ${jsonbText(field)}`)
        .join(', ')}}`
  }
}

/** What `#>> '{}'` gives: strings without quotes, JSON null as null. */
export function textOf(json: Json | undefined): string | null {
  if (json === undefined || json.kind === 'null') return null
  return json.kind === 'string' ? json.value : jsonbText(json)
}

/** What `->>` gives; null where the value is not an object or has no such field. */
export function fieldText(json: Json, field: string): string | null {
  return json.kind === 'object' ? textOf(json.fields.get(field)) : null
}
