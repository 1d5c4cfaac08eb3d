import { Type } from 'typebox'
import { oneOf } from './parameters.js'
import { nullable } from './responses.js'

export const contractReport = Type.Object(
  {
    status: oneOf(['pass', 'fail', 'error'], {
      description:
        'pass: all checks hold (200). fail: the deployed view violates the contract (409). error: the check could ' +
        'not be completed (503).',
    }),
    contract: Type.String({ description: 'Version of the contract', examples: ['1.0.0'] }),
    migration: nullable('The applied migration that created the view'),
    server_version: Type.String({ description: 'Version of PostgreSQL', examples: ['18.4'] }),
    checks: Type.Array(
      Type.Object(
        {
          name: Type.String({ examples: ['golden:student_id_hash'] }),
          status: oneOf(['pass', 'warn', 'fail', 'error']),
          expected: nullable('What the contract requires'),
          actual: nullable('What the database has'),
          detail: nullable('What the difference means'),
        },
        { additionalProperties: false },
      ),
      { description: 'Every check; all problems are reported together' },
    ),
  },
  { $id: 'ContractReport', additionalProperties: false },
)
