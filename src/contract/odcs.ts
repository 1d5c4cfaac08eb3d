/** The contract as an Open Data Contract Standard 3.1.0 document, from the one list of locked columns. */
import { stringify } from 'yaml'
import { contractVersion, lockedColumns, migrationName } from './columns.js'

const logicalTypes: Record<string, string> = {
  bigint: 'integer', integer: 'integer', uuid: 'string', text: 'string', boolean: 'boolean', 'timestamp with time zone': 'timestamp',
}
/** The one key of the view; `id` is none. */
const key = ['student_id', 'item_id', 'attempt_no']

/** The document as YAML; the same text every time. */
export function odcsDocument(): string {
  return stringify({
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id: 'attempt-v1',
    name: 'attempt',
    version: contractVersion,
    status: 'active',
    description: {
      purpose: 'One row per answered exam question, for IRT calibration and KPI pipelines.',
      limitations: 'id is no key and needs 64 bits. A late edit of an exam moves its attempts to another day and renumbers other attempts of the student.',
      usage: 'Names, order, types, the student hash, attempt numbering and NULL rules never change under this name; another shape is attempt_v2.',
    },
    schema: [{
      name: 'attempt',
      physicalName: 'attempt',
      physicalType: 'view',
      logicalType: 'object',
      description: 'The answered questions of exam_results, numbered by student and item.',
      properties: lockedColumns.map(({ name, type, nullable, description }) => ({
        name,
        physicalName: name,
        logicalType: logicalTypes[type],
        physicalType: type,
        required: !nullable,
        description,
        ...(key.includes(name) ? { primaryKey: true, primaryKeyPosition: key.indexOf(name) + 1 } : {}),
      })),
      quality: [{
        type: 'sql',
        description: 'The key names one row.',
        query: `select count(*) from (select 1 from attempt group by ${key.join(', ')} having count(*) > 1) as repeated`,
        mustBe: 0,
      }, {
        type: 'sql',
        description: 'Required columns are never null.',
        query: `select count(*) from attempt where ${lockedColumns.filter((column) => !column.nullable).map((column) => `${column.name} is null`).join(' or ')}`,
        mustBe: 0,
      }],
    }],
    customProperties: [{ property: 'migration', value: migrationName }],
  })
}
