/** A synthetic cohort with known item parameters: two-parameter logistic responses, log-normal times. */
import { createHash } from 'node:crypto'

export interface ExamResult {
  id: string
  session_id: string
  user_id: string | null
  exam_id: number | null
  org_id: number | null
  status: string
  result_json: unknown
  created_at: string
  updated_at: string
}

export interface CohortOptions {
  exams: number
  questions: number
  students: number
  items: number
  days: number
  end: Date
  seed: number
}
export interface Item {
  item_id: number
  topic: string
  difficulty: number
  discrimination: number
}

const topics = ['algebra', 'geometry', 'fractions', 'statistics', 'probability', 'functions']

/** Mulberry32: small, fast and the same on every machine. */
function generator(seed: number) {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, normal }
}

const uuid = (text: string) =>
  createHash('md5')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** The item parameters of a cohort: difficulty and discrimination on the logit scale. */
export function cohortItems({ items, seed }: Pick<CohortOptions, 'items' | 'seed'>): Item[] {
  const random = generator(seed)
  return Array.from({ length: items }, (_value, index) => ({
    item_id: 1001 + index,
    topic: topics[index % topics.length] as string,
    difficulty: Math.round(random.normal() * 1000) / 1000,
    discrimination: Math.round(Math.exp(random.normal() * 0.25) * 1000) / 1000,
  }))
}

/** Exam results one after another, oldest first. Holds one at a time in memory. */
export function* cohort(options: CohortOptions): Generator<ExamResult> {
  const { exams, questions, students, days, end, seed } = options
  const items = cohortItems(options)
  const random = generator(seed + 1)
  const abilities = Array.from({ length: students }, () => random.normal())
  const speeds = Array.from({ length: students }, () => random.normal() * 0.3)
  const span = days * 86_400_000
  for (let exam = 0; exam < exams; exam++) {
    const student = Math.floor(random.uniform() * students)
    const completed = new Date(end.getTime() - span + ((exam + random.uniform()) / exams) * span)
    const first = Math.floor(random.uniform() * items.length)
    let total = 0
    const answered = Array.from({ length: questions }, (_value, index) => {
      const item = items[(first + index) % items.length] as Item
      const chance = 1 / (1 + Math.exp(-item.discrimination * ((abilities[student] as number) - item.difficulty)))
      const seconds = Math.round(Math.exp(2.8 + (speeds[student] as number) + random.normal() * 0.5) * 10) / 10
      total += seconds
      return {
        question_id: item.item_id,
        is_correct: random.uniform() < chance,
        time_spent_sec: seconds,
        used_hints: random.uniform() < 0.1 ? 1 : 0,
        topic: item.topic,
      }
    })
    yield {
      id: uuid(`exam-${seed}-${exam}`),
      session_id: `session-${seed}-${exam + 1}`,
      user_id: `student-${student + 1}`,
      exam_id: 1 + (first % 20),
      org_id: 1 + (student % 5),
      status: 'ready',
      result_json: { questions: answered },
      created_at: new Date(completed.getTime() - total * 1000).toISOString(),
      updated_at: completed.toISOString(),
    }
  }
}
