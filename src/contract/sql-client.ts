import type pg from 'pg'

/** What the check needs of a connection: a pg.Client, or something that passes statements on to one. */
export interface SqlClient {
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<Row>>
}
