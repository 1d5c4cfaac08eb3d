/** A contract as an Open Data Contract Standard 3.1.0 document. */
import { stringify } from 'yaml'
import type { ColumnType, Contract } from './contract.js'

/** The standard's word for each type. The options are required: an integer without a format has 32 bits there. */
const logicalTypes: Record<ColumnType, { logicalType: string; logicalTypeOptions?: Record<string, string | boolean> }> =
  {
    bigint: { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } },
    integer: { logicalType: 'integer', logicalTypeOptions: { format: 'i32' } },
    uuid: { logicalType: 'string', logicalTypeOptions: { format: 'uuid' } },
    text: { logicalType: 'string' },
    boolean: { logicalType: 'boolean' },
    'timestamp with time zone': { logicalType: 'timestamp', logicalTypeOptions: { timezone: true } },
  }

/** Rules that a reader of the document can run on the view. */
const qualityRules = ({ view, key, columns }: Contract) => [
  {
    type: 'sql',
    name: 'unique_key',
    dimension: 'uniqueness',
    severity: 'error',
    description: 'The key identifies one row.',
    query:
      'select count(*) from ' + `(select 1 from ${view} group by ${key.join(', ')} having count(*) > 1) as repeated`,
    mustBe: 0,
  },
  {
    type: 'sql',
    name: 'required_not_null',
    dimension: 'completeness',
    severity: 'error',
    description: 'Required columns are never null.',
    query: `select count(*) from ${view} where ${columns
      .filter((column) => !column.nullable)
      .map((column) => `${column.name} is null`)
      .join(' or ')}`,
    mustBe: 0,
  },
]

/** The document as YAML; the same text every time. */
export function odcsDocument(contract: Contract): string {
  const { view, version, migration, columns, key, texts } = contract
  return stringify(
    {
      apiVersion: 'v3.1.0',
      kind: 'DataContract',
      id: texts.id,
      name: view,
      version,
      status: 'active',
      tags: texts.tags,
      description: { purpose: texts.purpose, limitations: texts.limitations, usage: texts.usage },
      schema: [
        {
          name: view,
          physicalName: view,
          physicalType: 'view',
          logicalType: 'object',
          description: texts.view,
          dataGranularityDescription: texts.granularity,
          properties: columns.map(({ name, type, nullable, description }) => ({
            name,
            physicalName: name,
            ...logicalTypes[type],
            physicalType: type,
            required: !nullable,
            description,
            ...(key.includes(name) ? { primaryKey: true, primaryKeyPosition: key.indexOf(name) + 1 } : {}),
          })),
          quality: qualityRules(contract),
        },
      ],
      customProperties: [{ property: 'migration', value: migration }],
    },
    // no YAML anchors: not every reader of contracts follows them
    { aliasDuplicateObjects: false },
  )
}
