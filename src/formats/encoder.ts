/**
 * From rows in PostgreSQL's binary COPY format to the bytes of a representation. One interface, one file a format.
 * A row is `int16 number of fields`, then for each field `int32 length` (-1: null) and its bytes, all big-endian.
 */

/**
 * What a column holds, and so how it is written:
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

/** Encodes one answer; made anew for each. */
export interface Encoder {
  /** What stands before the first row: a header, a schema. */
  begin(): Uint8Array
  /**
   * Takes the row that begins at `bytes[at]` (at its field count) and is whole.
   * The bytes may be overwritten afterwards: what is kept must be copied.
   * Throws where the format cannot say what the row holds (a year outside 1 to 9999, in Arrow a null in a column that is
   * not nullable) or its fields are not the columns; the answer is then to be cut off: no further row, no end().
   */
  row(bytes: Buffer, at: number): void
  /**
   * What is encoded and was not taken yet, in a buffer that is the caller's from now on; undefined where there is
   * nothing. A format that writes rows in groups may hold some back unless `all`.
   */
  take(all: boolean): Uint8Array | undefined
  /** What stands behind the last row; called after a last `take(true)`. */
  end(): Uint8Array
  /** Rows written, after `end`, where they are not the rows that were given. */
  readonly rows?: number
}

/** A row as PostgreSQL writes it in text: every digit kept. */
export type Row = (string | null)[]
