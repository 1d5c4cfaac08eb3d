/** The media type of every representation, by its name in `format`. */
export const mediaTypes = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  arrow: 'application/vnd.apache.arrow.stream',
} as const

export type Format = keyof typeof mediaTypes
export type MediaType = (typeof mediaTypes)[Format]

/** The formats of every list; JSON where the request has no preference. */
export const listFormats = ['json', 'ndjson', 'csv', 'arrow'] as const satisfies readonly Format[]
