import { once } from 'node:events'
import { cohort, cohortItems } from '../development/cohort.js'
import { count, parse, type Command } from './command.js'

export const generate: Command = {
  summary: 'a synthetic cohort with known item parameters, as NDJSON',
  help: `attempt-api generate [--exams 2000] [--questions 20] [--students 200] [--items 300] [--days 30] [--seed 1] [--end DATE] [--parameters]

Prints exam results, one a line, for attempt-api load. --parameters prints the items' true difficulty and
discrimination (two-parameter logistic, logit scale) as CSV instead. The same seed and end give the same rows.`,
  async run(args) {
    const { values } = parse(args, {
      exams: { type: 'string', default: '2000' },
      questions: { type: 'string', default: '20' },
      students: { type: 'string', default: '200' },
      items: { type: 'string', default: '300' },
      days: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      end: { type: 'string', default: new Date().toISOString() },
      parameters: { type: 'boolean' },
    })
    const number = (name: 'exams' | 'questions' | 'students' | 'items' | 'days' | 'seed') => count(name, values[name])
    const options = {
      exams: number('exams'),
      questions: number('questions'),
      students: number('students'),
      items: number('items'),
      days: number('days'),
      seed: number('seed'),
      end: new Date(values.end),
    }
    const lines = function* () {
      if (values.parameters === true) {
        yield 'item_id,topic,difficulty,discrimination'
        for (const item of cohortItems(options))
          yield `${item.item_id},${item.topic},${item.difficulty},${item.discrimination}`
      } else for (const exam of cohort(options)) yield JSON.stringify(exam)
    }
    for (const line of lines()) if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
    return 0
  },
}
