/** The media type of every representation, by its name in `format`. */
export const mediaTypes = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  arrow: 'application/vnd.apache.arrow.stream',
} as const

export type Format = keyof typeof mediaTypes
