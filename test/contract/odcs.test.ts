/**
 * The ODCS document: committed as generated, and valid. The schema below is stricter than the published JSON schema
 * 3.1.0 and covers the parts that the document uses. The published one is used where it lies beside the repository.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Ajv2019 } from 'ajv/dist/2019.js'
import formats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { attemptV1, contractColumns } from '../../src/contract/attempt-v1.js'
import { odcsDocument } from '../../src/contract/odcs.js'
import { createDatabase } from '../helpers/database.js'

const published = '../shared/data/odcs/odcs-json-schema-v3.1.0.json'
const absent = existsSync(published) ? false : `the published schema ${published} does not exist`
const text = { type: 'string', minLength: 1 }
const sqlRule = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'query', 'mustBe'],
  properties: {
    type: { const: 'sql' },
    name: text,
    description: text,
    query: text,
    mustBe: { type: 'number' },
    severity: { enum: ['info', 'warning', 'error'] },
    dimension: {
      enum: ['accuracy', 'completeness', 'conformity', 'consistency', 'coverage', 'timeliness', 'uniqueness'],
    },
  },
}
const property = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'logicalType', 'physicalType', 'required', 'description'],
  properties: {
    name: text,
    physicalName: text,
    physicalType: text,
    description: text,
    required: { type: 'boolean' },
    primaryKey: { type: 'boolean' },
    primaryKeyPosition: { type: 'integer', minimum: 1 },
    logicalType: { enum: ['string', 'timestamp', 'integer', 'boolean'] },
    logicalTypeOptions: { type: 'object' },
  },
  // each logical type has options of its own
  allOf: [
    ['integer', { format: { enum: ['i32', 'i64'] } }],
    ['string', { format: { enum: ['uuid'] } }],
    ['timestamp', { timezone: { type: 'boolean' } }],
    ['boolean', {}],
  ].map(([type, options]) => ({
    if: { properties: { logicalType: { const: type } } },
    then: { properties: { logicalTypeOptions: { type: 'object', additionalProperties: false, properties: options } } },
  })),
}
const used = {
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'id', 'version', 'status', 'schema'],
  properties: {
    apiVersion: { const: 'v3.1.0' },
    kind: { const: 'DataContract' },
    id: text,
    name: text,
    version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' },
    status: { enum: ['proposed', 'draft', 'active', 'deprecated', 'retired'] },
    tags: { type: 'array', items: text },
    description: {
      type: 'object',
      additionalProperties: false,
      properties: { purpose: text, limitations: text, usage: text },
    },
    schema: {
      type: 'array',
      minItems: 1,
      maxItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'logicalType', 'properties'],
        properties: {
          name: text,
          physicalName: text,
          physicalType: { const: 'view' },
          logicalType: { const: 'object' },
          description: text,
          dataGranularityDescription: text,
          properties: { type: 'array', items: property },
          quality: { type: 'array', items: sqlRule },
        },
      },
    },
    customProperties: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['property', 'value'],
        properties: { property: text, value: text },
      },
    },
  },
}

interface Property {
  name: string
  physicalType: string
  required: boolean
  primaryKeyPosition?: number
}
interface Document {
  version: string
  schema: [{ properties: Property[]; quality: { name: string; query: string; mustBe: number }[] }]
}
const document = parse(odcsDocument(attemptV1)) as Document
const [view] = document.schema

t.test('the committed document is the generated one', async (t) => {
  const committed = readFileSync('openapi/attempt-v1.odcs.yaml', 'utf8')
  t.equal(committed, odcsDocument(attemptV1), 'run `npm run generate:openapi` and commit the result')
})

t.test('has the shape of the standard', async (t) => {
  const validate = new Ajv2019({ allErrors: true }).compile(used)
  t.ok(validate(document), JSON.stringify(validate.errors))
})

t.test('is valid by the published schema', { skip: absent }, async (t) => {
  const ajv = new Ajv2019({ allErrors: true, strict: false })
  formats.default(ajv)
  const validate = ajv.compile(JSON.parse(readFileSync(published, 'utf8')) as object)
  t.ok(validate(document), JSON.stringify(validate.errors))
  const { version: _version, ...withoutVersion } = document
  t.notOk(validate(withoutVersion), 'the schema refuses a document without a version')
})

t.test('names the columns of the contract, in order, and the one key', async (t) => {
  t.same(
    view.properties.map(({ name, physicalType, required }) => [name, physicalType, required]),
    contractColumns.map(({ name, type, nullable }) => [name, type, !nullable]),
  )
  const keyed = view.properties.filter((column) => column.primaryKeyPosition !== undefined)
  t.same(
    keyed.sort((a, b) => (a.primaryKeyPosition ?? 0) - (b.primaryKeyPosition ?? 0)).map(({ name }) => name),
    ['student_id', 'item_id', 'attempt_no'],
  )
})

t.test('its quality rules run and pass on the view', async (t) => {
  const { pool } = await createDatabase(t)
  await pool.query(`insert into exam_results (session_id, user_id, result_json) values
    ('s1', 'alice', '{"questions": [{"question_id": 7}, {"question_id": 7}, {"question_id": "Q7"}]}'),
    ('s2', null, '{"questions": [{"question_id": 7}]}')`)
  for (const { name, query, mustBe } of view.quality) {
    const {
      rows: [row],
    } = await pool.query<{ count: string }>(query)
    t.equal(Number(row?.count), mustBe, name)
  }
})
