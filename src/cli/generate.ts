import { once } from 'node:events'
import { cohort, cohortItems } from '../development/cohort.js'
import { count, defineCommand, flag, text, UsageError } from './command.js'

export const generate = defineCommand({
  examples: [
    ['attempt-api generate --exams 500 > exams.ndjson', '500 exams, one JSON object per line, for attempt-api load'],
    [
      'attempt-api generate --seed 7 --parameters > items.csv',
      'the true difficulty and discrimination of the items of seed 7',
    ],
  ],
  description: `
    Answers follow a two-parameter logistic model on the logit scale. The same options, seed and end give the same
    rows.`,
  options: {
    exams: count('exams', 2000),
    questions: count('questions per exam', 20),
    students: count('students', 200),
    items: count('items in the pool', 300),
    days: count('days over which the exams are spread, up to --end', 30),
    seed: count('seed of the random numbers', 1),
    end: text({ value: 'DATE', help: 'end of the last day, a date or a timestamp', fallback: 'now' }),
    parameters: flag('print the item parameters as CSV instead of exams'),
  },
  exits: { 0: 'printed' },
  async run({ end: given, parameters, ...numbers }) {
    const end = given === undefined ? new Date() : new Date(given)
    if (Number.isNaN(end.getTime()))
      throw new UsageError(`--end must be a date or a timestamp, such as 2026-03-12T00:00:00Z; got "${given}"`)
    const options = { ...numbers, end }
    const lines = function* () {
      if (parameters) {
        yield 'item_id,topic,difficulty,discrimination'
        for (const item of cohortItems(options))
          yield `${item.item_id},${item.topic},${item.difficulty},${item.discrimination}`
      } else for (const exam of cohort(options)) yield JSON.stringify(exam)
    }
    for (const line of lines()) if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
    return 0
  },
})
