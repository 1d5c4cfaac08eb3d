import { Type } from 'typebox'
import { oneOf } from './parameters.js'
import { nullable } from './responses.js'

const numberOrNull = (type: 'number' | 'integer', description: string, ...examples: number[]) =>
  Type.Unsafe<number | null>({ type: [type, 'null'], description, ...(examples.length === 0 ? {} : { examples }) })

const store = Type.Object(
  {
    state: Type.Unsafe<'filling' | 'ready' | null>({
      enum: ['filling', 'ready', null],
      description: 'filling: until the store is complete, requests read the view directly',
    }),
    version: nullable('Version of the last refresh that changed a row'),
    as_of: nullable('The store contains what was committed before this moment'),
    lag_s: numberOrNull('number', 'Seconds since then', 0.4),
    differences: numberOrNull('integer', 'Rows that verification ever found different from the view, and repaired', 0),
    set_aside: numberOrNull(
      'integer',
      'Exams whose attempts the store does not have, because the refresher could not take them; source=live has them',
      0,
    ),
    detail: oneOf(['ok', 'filling', 'lagging', 'degraded', 'incomplete', 'unreachable'], {
      description:
        'lagging: more than STORE_LAG_S behind, so requests read the view. degraded: verification found a difference ' +
        'within the last 24 hours. incomplete: set_aside is above 0. unreachable: the database of the store did ' +
        'not answer at once. None of these changes the status.',
    }),
  },
  { additionalProperties: false },
)

const standby = Type.Object(
  {
    server: Type.String({ description: 'Its place in DATABASE_READ_URL', examples: ['standby 1'] }),
    read: Type.Boolean({ description: 'Whether requests read it now', examples: [true] }),
    lag_s: numberOrNull('number', 'Seconds that it is known to be behind the primary', 0.4),
    reason: Type.String({ description: 'Why requests do not read it; empty if they do' }),
  },
  { additionalProperties: false },
)

export const healthReport = Type.Object(
  {
    status: oneOf(['ready', 'unavailable']),
    reason: Type.String({ description: 'Why the service is not ready; empty if it is' }),
    database: oneOf(['reachable', 'unreachable', 'unknown'], {
      description: 'unknown: the service is shutting down and did not check',
    }),
    migrations: Type.Union(
      [
        Type.Object(
          { applied: Type.Array(Type.String()), pending: Type.Array(Type.String()) },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'null: the database role may not read them' },
    ),
    contract: Type.Object(
      {
        status: oneOf(['pass', 'fail', 'error', 'unknown']),
        checked_at: nullable('When the contract was checked last'),
      },
      { additionalProperties: false },
    ),
    store: Type.Union([store, Type.Null()], {
      description: 'null: there is no store, or the database role may not read it',
    }),
    standbys: Type.Array(standby, {
      description: 'The standbys of DATABASE_READ_URL, as this process measures them. None of them changes the status.',
    }),
  },
  { $id: 'Readiness', additionalProperties: false },
)

export const livenessReport = Type.Object(
  { status: Type.Literal('live') },
  { $id: 'Liveness', additionalProperties: false },
)
