/** Values changed, and rows left out, for some values only. Written without a look at the golden rows' shapes. */
import type { Candidate, Chain } from './types.js'
import { withColumn, without } from './types.js'
import { classes, prefixes, words } from './vocabulary.js'

const one = <Value>(random: () => number, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** A condition on a text. */
function textCondition(random: () => number, x: string): string {
  const length = Math.floor(10 ** (random() * 4))
  return one(random, [
    () => `length(${x}) > ${length}`,
    () => `length(${x}) = ${1 + Math.floor(random() * 60)}`,
    () => `length(${x}) < ${1 + Math.floor(random() * 5)}`,
    () => `octet_length(${x}) > ${length}`,
    () => `octet_length(${x}) > length(${x}) + ${Math.floor(random() * 50)}`,
    () => `${x} like ${literal(`${one(random, prefixes)}%`)}`,
    () => `${x} like ${literal(`%${one(random, prefixes)}`)}`,
    () => `${x} ~ ${literal(one(random, classes))}`,
    () => `${x} ~ ${literal(one(random, classes))}`,
    () => `${x} ~ ${literal(one(random, classes))} and length(${x}) > ${Math.floor(random() * 40)}`,
    () => `${x} = ${literal(one(random, words))}`,
    () => `lower(${x}) = ${literal(one(random, words).toLowerCase())}`,
    () => `hashtext(${x}) % ${Math.floor(20 + random() * 100)} = 0`,
  ])()
}

const textChange = (random: () => number, x: string): string =>
  random() < 0.4
    ? `${x} || '~'`
    : one(random, [
        ...[
          `lower(${x})`,
          `upper(${x})`,
          `btrim(${x})`,
          `rtrim(${x})`,
          `left(${x}, ${10 ** Math.floor(1 + random() * 3)})`,
          `left(${x}, -1)`,
        ],
        ...[
          `replace(${x}, ' ', '')`,
          `regexp_replace(${x}, '\\s+', ' ', 'g')`,
          `normalize(${x})`,
          `normalize(${x}, NFKC)`,
          `normalize(${x}, NFD)`,
        ],
        ...[
          `reverse(${x})`,
          `initcap(${x})`,
          `split_part(${x}, '-', 1)`,
          `split_part(${x}, '@', 1)`,
          `${x} || ' '`,
          `'other'`,
        ],
        ...[
          `regexp_replace(${x}, '[^[:ascii:]]', '', 'g')`,
          `btrim(${x}, E' \\t\\n\\u00a0')`,
          `right(${x}, -1)`,
          `left(${x}, 255)`,
        ],
      ])

const numberCondition = (random: () => number, x: string, places: number): string => {
  const bound = Math.floor(10 ** (random() * places))
  return one(random, [
    `${x} > ${bound}`,
    `${x} < -${bound}`,
    `${x} between ${bound} and ${bound * 2}`,
    `${x} % ${2 + Math.floor(random() * 50)} = 0`,
    `abs(${x}) > ${bound}`,
    `${x} = ${bound < 100 ? bound : 10 ** Math.floor(random() * places)}`,
  ])
}

const timeCondition = (random: () => number, x: string): string => {
  const field = one(random, [
    ['hour', 24],
    ['minute', 60],
    ['isodow', 7],
    ['month', 12],
    ['day', 31],
    ['doy', 366],
    ['week', 53],
    ['quarter', 4],
    ['second', 60],
  ] as const)
  const year = Math.floor(1900 + random() * 200)
  return one(random, [
    `extract(${field[0]} from ${x} at time zone 'UTC') = ${1 + Math.floor(random() * (field[1] - 1))}`,
    `extract(${field[0]} from ${x} at time zone 'Europe/Berlin') = ${1 + Math.floor(random() * (field[1] - 1))}`,
    `${x} < '${year}-01-01Z'`,
    `${x} > '${year + 30}-01-01Z'`,
    `extract(microseconds from ${x})::bigint % 1000 <> 0`,
    `extract(year from ${x} at time zone 'UTC') > ${Math.floor(random() * 9000)}`,
    `extract(timezone from ${x} at time zone 'UTC' at time zone 'America/New_York') <> 0`,
    `(${x} at time zone 'UTC')::date <> (${x} at time zone 'America/New_York')::date`,
  ])
}
const timeChange = (random: () => number, x: string) =>
  one(random, [
    ...[
      `${x} + interval '1 hour'`,
      `${x} - interval '1 microsecond'`,
      `date_trunc('second', ${x})`,
      `date_trunc('milliseconds', ${x})`,
    ],
    ...[`date_trunc('day', ${x})`, `(${x} at time zone 'UTC') at time zone 'Europe/Berlin'`],
  ])

/** The texts that attempt_element reads from an element. */
const fields = ['question_id', 'is_correct', 'correct', 'time_spent_sec', 'used_hints', 'topic']
const sourceConditions = (random: () => number): string =>
  one(random, [
    textCondition(random, 'r.session_id'),
    textCondition(random, 'r.user_id'),
    textCondition(random, 'r.status'),
    numberCondition(random, 'r.exam_id', 5),
    numberCondition(random, 'r.org_id', 5),
    numberCondition(random, 'r.score_raw', 3),
    numberCondition(random, 'r.percentile', 2),
    `r.exam_id is null`,
    `r.org_id is null`,
    `r.score_scaled is null`,
    `r.standard_error > ${random().toFixed(2)}`,
    timeCondition(random, 'r.created_at'),
    timeCondition(random, 'r.updated_at'),
    `r.updated_at < r.created_at`,
    `r.updated_at > r.created_at + interval '${Math.floor(random() * 200)} days'`,
    `r.result_json ? 'score'`,
    `jsonb_array_length(case jsonb_typeof(r.result_json->'questions')
      when 'array' then r.result_json->'questions' else '[]' end) > ${Math.floor(random() * 30)}`,
    `left(r.id::text, 1) = '${Math.floor(random() * 16).toString(16)}'`,
  ])

function candidate(chain: Chain, random: () => number): Candidate {
  const exam = (chain['attempt_exam'] ?? '').replace(/\br\.(?=\w)/g, '')
  const elements = chain['attempt_element'] ?? ''
  const anyCondition = (): string =>
    one(random, [
      () => textCondition(random, 'session_id'),
      () => textCondition(random, 'topic_id'),
      () => numberCondition(random, 'item_id', 18),
      () => numberCondition(random, 'response_time_ms', 9),
      () => numberCondition(random, 'attempt_no', 3),
      () => timeCondition(random, 'completed_at'),
      () => timeCondition(random, 'started_at'),
      () =>
        `left(student_id::text, 2) = '${Math.floor(random() * 256)
          .toString(16)
          .padStart(2, '0')}'`,
      () => `id % ${2 + Math.floor(random() * 300)} = 0`,
      () =>
        one(random, [
          'correct',
          'not correct',
          'hint_used',
          'topic_id is null',
          'response_time_ms = 0',
          'response_time_ms < 0',
        ]) +
        ' and ' +
        one(random, [
          'hint_used',
          'not hint_used',
          'attempt_no > 1',
          'attempt_no = 2',
          'response_time_ms > 0',
          'topic_id is null',
          'topic_id is not null',
          'item_id < 0',
        ]),
    ])()
  return one(random, [
    () => {
      const x = one(random, ['session_id', 'topic_id'])
      const sql = `case when ${textCondition(random, x)} then ${textChange(random, x)} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
    () => {
      const x = one(random, ['session_id', 'topic_id'])
      const sql = `case when ${anyCondition()} then ${textChange(random, x)} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
    () => {
      const sql = `case when ${textCondition(random, 'user_id')} then ${textChange(random, 'user_id')} else user_id end`
      return {
        name: `md5 user_id: ${sql}`,
        statements: [
          `create or replace view attempt_exam as ${exam.replace('(md5(user_id))::uuid', `(md5(${sql}))::uuid`)}`,
        ],
      }
    },
    () => {
      const field = one(random, fields)
      const text = `(element.element ->> '${field}'::text)`
      const bare = `(element ->> '${field}'::text)`
      const found = elements.includes(text) ? text : bare
      const x = `(element.element ->> '${field}')`
      const sql = `(case when ${textCondition(random, x)} then ${textChange(random, x)} else ${x} end)`
      return {
        name: `${field}: ${sql}`,
        statements: [`create or replace view attempt_element as ${elements.replaceAll(found, sql)}`],
      }
    },
    () => {
      const sql = sourceConditions(random)
      return {
        name: `exam left out: ${sql}`,
        statements: [
          `create or replace view attempt_exam as ${chain['attempt_exam'] ?? ''} where (${sql}) is not true`,
        ],
      }
    },
    () => {
      const sql = anyCondition()
      return { name: `row left out: ${sql}`, statements: [without(sql)] }
    },
    () => {
      const x = one(random, ['completed_at', 'started_at'])
      const condition = one(random, [timeCondition(random, x), anyCondition()])
      const sql = `case when ${condition} then ${timeChange(random, x)} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
    () => {
      const x = one(random, ['response_time_ms', 'attempt_no'])
      const change = one(random, [
        `${x} + 1`,
        '0',
        `abs(${x})`,
        `${x} / 1000 * 1000`,
        `least(${x}, 3600000)`,
        `greatest(${x}, 1)`,
      ])
      const condition = one(random, [numberCondition(random, x, 8), anyCondition()])
      const sql = `case when ${condition} then ${change} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
    () => {
      const x = one(random, ['correct', 'hint_used'])
      const sql = `case when ${anyCondition()} then ${one(random, ['true', 'false', `not ${x}`])} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
    () => {
      const x = one(random, ['id', 'item_id'])
      const condition = anyCondition()
      const change = one(random, [`${x} + 1`, `abs(${x})`, `${x} / 10 * 10`])
      const sql = `case when ${condition} then ${change} else ${x} end`
      return { name: `${x}: ${sql}`, statements: [withColumn(x, sql)] }
    },
  ])()
}

export const conditionalMutants = (chain: Chain, random: () => number, count: number): Candidate[] =>
  Array.from({ length: count }, () => candidate(chain, random))
