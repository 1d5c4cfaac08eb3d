/** Bounds the rows of a page by their bytes, and a single row by the most that the service sends. */
import { ApiError } from '../errors.js'

/**
 * The largest row that the service sends, in bytes of PostgreSQL's representation. A row is in memory as a whole, some
 * of it several times: as received, as text and encoded.
 */
export const largestRow = 32 * 1024 * 1024

export const rowTooLarge = (): ApiError =>
  new ApiError(
    'answer_too_large',
    `A row of this answer is larger than ${largestRow / 1024 / 1024} MiB, the most that the service sends. ` +
      'Retrying does not help. Leave the column with the large text out (on /v1/attempts, for example ' +
      'fields=id,student_id,item_id), or use filters that exclude the row',
  )

/** The bytes that the rows of one page may have. Rows are read until they exceed it. */
export class RowBudget {
  #left: number
  #rows = 0

  constructor(bytes: number) {
    this.#left = bytes
  }

  /**
   * Whether no further row is read: the last row exceeds the budget. It only shows that there are more rows, so a page
   * needs at least one row before it.
   */
  get full(): boolean {
    return this.#left < 0 && this.#rows > 1
  }

  /** Counts a row. */
  take(bytes: number): void {
    this.#left -= bytes
    this.#rows++
  }
}
