/**
 * Compiles Kysely's queries to statements: with parameters, or with literals for COPY, which takes no parameters.
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

/**
 * Stands for the schema of a relation of this service. The session that runs a statement replaces it (locations.ts), so
 * that no statement depends on the search_path. A literal never contains it.
 */
export const ownSchema = '@extschema@'

/** One statement. Parameters are sent as text, so each one in `text` has a cast. */
export interface Statement {
  /** A hash of the text: the name in the log and of the prepared statement. */
  readonly name: string
  /** Whether connections prepare it. */
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

/** Writes values into the text as literals. */
class LiteralCompiler extends StatementCompiler {
  protected override appendValue(value: unknown): void {
    this.append(literal(value))
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = Array.isArray(value)
    ? `{${value.map((element) => `"${String(element).replace(/["\\]/g, '\\$&')}"`).join(',')}}`
    : String(value)
  if (!text.includes(ownSchema)) return pg.escapeLiteral(text)
  // in parts, so that no literal has the text that stands for the schema
  return `(${text
    .split(/(?<=@ext)(?=schema@)/)
    .map((part) => pg.escapeLiteral(part))
    .join(' || ')})`
}

/** A query builder that only compiles. Statements run on a `Reader`, which keeps every digit. */
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
 * @param prepared false for a text that is run once or has many variants, such as a choice of columns
 */
export function statement(query: Query, { prepared = true } = {}): Statement {
  const { sql: text, parameters: values, query: node } = query.compile(executor)
  return { name: prepared ? knownName(text) : nameOf(text), prepared, text, values, node }
}

const nameOf = (text: string): string => `attempt_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`

/** Names of the texts that are prepared; a hash costs as much as the rest of a small statement. */
const names = new Map<string, string>()
const maxNames = 1_000

function knownName(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    if (names.size >= maxNames) names.clear()
    names.set(text, (name = nameOf(text)))
  }
  return name
}

/** The text of a query with its values as literals. */
export const literalText = (query: Query): string => literalTextOf(query.compile(executor).query)

/** Compiles a fragment of many statements once, to save the cost of compiling it for each of them. */
export const compiled = <Type = unknown>(fragment: Query): RawBuilder<Type> => sql.raw<Type>(literalText(fragment))

const literalTextOf = (node: RootOperationNode): string => literalCompiler.compileQuery(node, createQueryId()).sql

/** The statement as a COPY in binary format. */
export const copyText = ({ node }: Statement): string => `copy (${literalTextOf(node)}) to stdout (format binary)`
