/** The contract as an Open Data Contract Standard 3.1.0 document, from the one list of locked columns. */
import { stringify } from 'yaml'
import { contractVersion, lockedColumns, migrationName, type LockedColumn } from './columns.js'

/** The standard's word for each type. Options are not optional: an integer without a format is one of 32 bits there. */
const logicalTypes: Record<
  LockedColumn['type'],
  { logicalType: string; logicalTypeOptions?: Record<string, string | boolean> }
> = {
  bigint: { logicalType: 'integer', logicalTypeOptions: { format: 'i64' } },
  integer: { logicalType: 'integer', logicalTypeOptions: { format: 'i32' } },
  uuid: { logicalType: 'string', logicalTypeOptions: { format: 'uuid' } },
  text: { logicalType: 'string' },
  boolean: { logicalType: 'boolean' },
  'timestamp with time zone': { logicalType: 'timestamp', logicalTypeOptions: { timezone: true } },
}
/** The one key of the view; `id` is none. */
const key = ['student_id', 'item_id', 'attempt_no']

/** The document as YAML; the same text every time. */
export function odcsDocument(): string {
  // no anchors: they are YAML, and not every reader of contracts follows them
  return stringify(
    {
      apiVersion: 'v3.1.0',
      kind: 'DataContract',
      id: 'attempt-v1',
      name: 'attempt',
      version: contractVersion,
      status: 'active',
      tags: ['assessment', 'irt', 'kpi'],
      description: {
        purpose: 'One row per answered exam question, for IRT calibration and KPI pipelines.',
        limitations:
          'id is no key and needs 64 bits. A late edit of an exam moves its attempts to another day and renumbers other attempts of the student.',
        usage:
          'Names, order, types, the student hash, attempt numbering and NULL rules never change under this name; another shape is attempt_v2.',
      },
      schema: [
        {
          name: 'attempt',
          physicalName: 'attempt',
          physicalType: 'view',
          logicalType: 'object',
          description: 'The answered questions of exam_results, numbered by student and item.',
          dataGranularityDescription: 'One row per question answered in an exam.',
          properties: lockedColumns.map(({ name, type, nullable, description }) => ({
            name,
            physicalName: name,
            ...logicalTypes[type],
            physicalType: type,
            required: !nullable,
            description,
            ...(key.includes(name) ? { primaryKey: true, primaryKeyPosition: key.indexOf(name) + 1 } : {}),
          })),
          quality: [
            {
              type: 'sql',
              name: 'unique_key',
              dimension: 'uniqueness',
              severity: 'error',
              description: 'The key names one row.',
              query: `select count(*) from (select 1 from attempt group by ${key.join(', ')} having count(*) > 1) as repeated`,
              mustBe: 0,
            },
            {
              type: 'sql',
              name: 'required_not_null',
              dimension: 'completeness',
              severity: 'error',
              description: 'Required columns are never null.',
              query: `select count(*) from attempt where ${lockedColumns
                .filter((column) => !column.nullable)
                .map((column) => `${column.name} is null`)
                .join(' or ')}`,
              mustBe: 0,
            },
          ],
        },
      ],
      customProperties: [{ property: 'migration', value: migrationName }],
    },
    { aliasDuplicateObjects: false },
  )
}
