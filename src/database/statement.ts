/**
 * Statements, compiled from Kysely's queries: with parameters, or with literals for COPY, which takes no parameters.
 */
import { createHash } from 'node:crypto'
import {
  createQueryId,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
  type IdentifierNode,
  type QueryExecutorProvider,
  type RawBuilder,
  type RootOperationNode,
} from 'kysely'
import pg from 'pg'

/** One statement. Parameters are sent as text, so each one in `text` has a cast. */
export interface Statement {
  /** Identifies the text: in the log, and as the name of the prepared statement. */
  readonly name: string
  /** Whether a connection prepares it once and runs it by its name afterwards. */
  readonly prepared: boolean
  readonly text: string
  /** Texts, numbers, arrays of texts or null. */
  readonly values: readonly unknown[]
  /** What `text` was compiled from. */
  readonly node: RootOperationNode
}

/** A query of Kysely's builder or of its `sql` tag. */
export interface Query {
  compile(executor: QueryExecutorProvider): CompiledQuery
}

/** Quotes identifiers only where PostgreSQL requires it, so that statements read as in the documentation. */
class StatementCompiler extends PostgresQueryCompiler {
  protected override visitIdentifier(node: IdentifierNode): void {
    if (/^[a-z_][a-z0-9_]*$/.test(node.name)) this.append(node.name)
    else super.visitIdentifier(node)
  }
}

/** Writes values into the text. */
class LiteralCompiler extends StatementCompiler {
  protected override appendValue(value: unknown): void {
    this.append(literal(value))
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value))
    return pg.escapeLiteral(`{${value.map((element) => `"${String(element).replace(/["\\]/g, '\\$&')}"`).join(',')}}`)
  return pg.escapeLiteral(String(value))
}

/** A query builder that compiles only: statements run on the connections of this folder, which keep every digit. */
export const createQueryBuilder = <Relations>(): Kysely<Relations> =>
  new Kysely<Relations>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new StatementCompiler(),
    },
  })

const executor = createQueryBuilder<unknown>()
const literalCompiler = new LiteralCompiler()

/**
 * Compiles a query.
 * @param prepared `false` for a text that is run once or has many variants, such as a free choice of columns
 */
export function statement(query: Query, { prepared = true } = {}): Statement {
  const { sql: text, parameters: values, query: node } = query.compile(executor)
  const name = `attempt_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  return { name, prepared, text, values, node }
}

/** The text of a query with its values as literals. */
export const literalText = (query: Query): string => literalTextOf(query.compile(executor).query)

/** A fragment whose text is compiled once, for what many statements have: compiling it costs more than its use. */
export const compiled = <Type = unknown>(fragment: Query): RawBuilder<Type> => sql.raw<Type>(literalText(fragment))

const literalTextOf = (node: RootOperationNode): string => literalCompiler.compileQuery(node, createQueryId()).sql

/** The statement as COPY takes it, in COPY's binary format. */
export const copyText = ({ node }: Statement): string => `copy (${literalTextOf(node)}) to stdout (format binary)`
