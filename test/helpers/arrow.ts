/** Arrow streams, read by two other implementations: apache-arrow (JavaScript) and arrow-rs (in parquet-wasm). */
import { tableFromIPC, type Table, type Vector } from 'apache-arrow'
import { readParquet, Table as RustTable, writeParquet } from 'parquet-wasm/node'

export interface ArrowContent {
  schema: { name: string; type: string; nullable: boolean }[]
  metadata: Record<string, string>
  /** Rows of each batch. */
  batches: number[]
  /** Columns of values, 64-bit ones and days as decimal digits. */
  columns: (string | number | boolean | null)[][]
}

function valuesOf(vector: Vector): ArrowContent['columns'][number] {
  const type = String(vector.type)
  let place = 0
  return vector.data.flatMap((data) =>
    Array.from({ length: data.length }, (_, row) => {
      const at = place++
      if (!data.getValid(row)) return null
      // get() would turn timestamps into milliseconds and days into dates, and drop a text's byte order mark
      if (/^(Int64|Timestamp|Date)/.test(type)) return String((data.values as BigInt64Array | Int32Array)[row])
      if (type === 'Utf8')
        return Buffer.from(
          (data.values as Uint8Array).subarray(data.valueOffsets[row], data.valueOffsets[row + 1]),
        ).toString()
      return vector.get(at) as number | boolean
    }),
  )
}

function contentOf(table: Table): ArrowContent {
  return {
    schema: table.schema.fields.map((field) => ({
      name: field.name,
      type: String(field.type),
      nullable: field.nullable,
    })),
    metadata: Object.fromEntries(table.schema.metadata),
    // apache-arrow makes one up where there is none
    batches: table.numRows === 0 ? [] : table.batches.map((batch) => batch.numRows),
    columns: table.schema.fields.map((_, index) => valuesOf(table.getChildAt(index) as Vector)),
  }
}

export const readByJavaScript = (stream: Uint8Array): ArrowContent => contentOf(tableFromIPC(stream))

/** Read by arrow-rs, which checks every buffer, and handed on in its own stream. */
export const readByRust = (stream: Uint8Array): ArrowContent =>
  readByJavaScript(RustTable.fromIPCStream(stream).intoIPCStream())

/** Written to Parquet and read again: what a consumer stores. */
export const throughParquet = (stream: Uint8Array): ArrowContent =>
  readByJavaScript(readParquet(writeParquet(RustTable.fromIPCStream(stream))).intoIPCStream())
