/**
 * From rows in PostgreSQL's binary COPY format to the bytes of a representation. One interface, one file per format.
 * A row is `int16 number of fields`, then for each field `int32 length` (-1: null) and its bytes, all big-endian.
 */

/**
 * The type of a column, and how it is written:
 *
 * | kind      | sent by PostgreSQL as | JSON           | CSV    | Arrow               |
 * |-----------|-----------------------|----------------|--------|---------------------|
 * | int64     | int8                  | decimal string | digits | int64               |
 * | count     | int8                  | number         | digits | int64               |
 * | integer   | int4                  | number         | digits | int32               |
 * | number    | float8                | number         | digits | float64             |
 * | boolean   | bool                  | boolean        | true, false | bool           |
 * | timestamp | timestamptz           | RFC 3339, six fraction digits, Z | the same | timestamp[us, UTC] |
 * | date      | date                  | YYYY-MM-DD     | the same | date32            |
 * | uuid      | uuid                  | string         | text   | utf8                |
 * | text      | text                  | string         | text   | utf8                |
 */
export type Kind = 'int64' | 'count' | 'integer' | 'number' | 'boolean' | 'timestamp' | 'date' | 'uuid' | 'text'

/** A column of an answer. */
export interface Column<Name extends string = string> {
  name: Name
  kind: Kind
  nullable?: boolean
  description: string
}

/** Encodes one answer. */
export interface Encoder {
  /** The bytes before the first row: a header, a schema. */
  begin(): Uint8Array
  /**
   * Takes the complete row whose field count is at `bytes[at]`. The bytes may be overwritten afterwards: the encoder
   * copies what it keeps.
   * @throws Error if the format cannot express the row (a year outside 1 to 9999, in Arrow a null in a column that is
   * not nullable), or if its fields are not the columns. Then the answer must be aborted: no further row, no end().
   */
  row(bytes: Buffer, at: number): void
  /**
   * The encoded bytes since the last call, in a buffer that the caller then owns; undefined without any. A format that
   * writes rows in groups may hold some back unless `all`.
   */
  take(all: boolean): Uint8Array | undefined
  /** The bytes after the last row; called after a last `take(true)`. */
  end(): Uint8Array
  /** Rows written, after `end`, if they differ from the rows taken. */
  readonly rows?: number
}

/** A row as PostgreSQL's text, which keeps every digit. */
export type Row = (string | null)[]
