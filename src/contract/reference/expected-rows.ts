/**
 * The contract of `attempt` V1 as an independent implementation in TypeScript: exam results in, rows of `attempt` and
 * `attempt_anomaly` out. Written from docs/attempt-v1.md and not from the SQL, so that the check and the tests can
 * compare the two.
 */
import { instant, instantText, second } from './instants.js'
import { fieldText, parseJson, textOf } from './jsonb.js'
import { attemptId, boolean, decimal, integer, rounded, studentId } from './texts.js'

/** A row of exam_results; `resultJson` is JSON text, because the contract depends on how a number is spelled. */
export interface Exam {
  id: string
  sessionId: string
  userId: string | null
  resultJson: string
  /** `YYYY-MM-DDTHH:MM:SS[.f]Z`, ` BC` behind it, `infinity`, `-infinity` or null. */
  createdAt: string | null
  updatedAt: string | null
}

/** The eleven columns of `attempt` as text. */
export interface AttemptRow {
  id: string
  student_id: string
  item_id: string
  correct: string
  response_time_ms: string
  hint_used: string
  completed_at: string
  started_at: string
  attempt_no: string
  session_id: string
  topic_id: string | null
}

/** The nine columns of `attempt_anomaly` as text. */
export interface AnomalyRow {
  exam_result_id: string
  session_id: string
  user_id: string | null
  position: string | null
  question_id: string | null
  field: string
  value: string | null
  reason: string
  outcome: string
}

const earliest = instant('0002-01-01T00:00:00Z') as bigint
const latest = instant('9998-12-31T23:59:59.999999Z') as bigint

/** The rows that the contract requires. `elements` counts the elements of every array, by session. */
export function expectedRows(exams: readonly Exam[]): {
  attempts: AttemptRow[]
  anomalies: AnomalyRow[]
  elements: Map<string, number>
} {
  const anomalies: AnomalyRow[] = []
  const elements = new Map<string, number>()
  const answers: { examId: string; time: bigint; position: number; row: AttemptRow }[] = []

  for (const exam of exams) {
    const examId = exam.id.toLowerCase()
    const result = parseJson(exam.resultJson)
    const questions = result.kind === 'object' ? result.fields.get('questions') : undefined
    elements.set(exam.sessionId, questions?.kind === 'array' ? questions.items.length : 0)
    if (questions === undefined || questions.kind === 'null') continue

    const note = (
      position: number | null,
      questionId: string | null,
      field: string,
      value: string | null,
      reason: string,
      outcome: string,
    ) => {
      anomalies.push({
        exam_result_id: examId,
        session_id: exam.sessionId,
        user_id: exam.userId,
        position: position === null ? null : String(position),
        question_id: questionId,
        field,
        value,
        reason,
        outcome,
      })
    }
    if (questions.kind !== 'array') {
      note(null, null, 'questions', textOf(questions), 'questions_not_array', 'excluded')
      continue
    }

    const completedText = exam.updatedAt ?? exam.createdAt
    const completed = completedText === null ? null : instant(completedText)
    const inRange = typeof completed === 'bigint' && completed >= earliest && completed <= latest
    const occurrences = new Map<bigint, { position: number; questionId: string }[]>()

    for (const [index, element] of questions.items.entries()) {
      const position = index + 1
      const questionId = fieldText(element, 'question_id')
      const itemId = questionId === null ? undefined : integer(questionId, 64n)
      const isCorrect = fieldText(element, 'is_correct')
      const older = fieldText(element, 'correct')
      const correctness = isCorrect ?? older
      const correct = correctness === null ? false : boolean(correctness)

      if (questionId === null || questionId === '')
        note(position, questionId, 'question_id', questionId, 'question_id_missing', 'excluded')
      else if (itemId === undefined)
        note(position, questionId, 'question_id', questionId, 'question_id_invalid', 'excluded')
      if (exam.userId === null) note(position, questionId, 'user_id', null, 'user_id_missing', 'excluded')
      if (!inRange)
        note(
          position,
          questionId,
          'completed_at',
          completed === null ? null : instantText(completed),
          'completed_at_invalid',
          'excluded',
        )
      if (correct === undefined)
        note(
          position,
          questionId,
          isCorrect === null ? 'correct' : 'is_correct',
          correctness,
          'correctness_invalid',
          'excluded',
        )
      if (questionId === null || itemId === undefined || exam.userId === null || !inRange || correct === undefined)
        continue

      if (correctness === null) note(position, questionId, 'is_correct', null, 'correctness_missing', 'defaulted')

      const timeText = fieldText(element, 'time_spent_sec')
      let milliseconds = 0n
      let seconds = 0n
      if (timeText !== null && timeText !== '') {
        const spent = decimal(timeText)
        const ms = spent === undefined ? undefined : rounded(spent, 1000n)
        if (spent === undefined || ms === undefined || ms < -(2n ** 31n) || ms >= 2n ** 31n) {
          note(position, questionId, 'time_spent_sec', timeText, 'time_spent_invalid', 'defaulted')
        } else {
          milliseconds = ms
          seconds = rounded(spent, 1n)
          if (spent.units < 0n) note(position, questionId, 'time_spent_sec', timeText, 'time_spent_negative', 'kept')
        }
      }

      const hintsText = fieldText(element, 'used_hints')
      const hints = hintsText === null ? 0n : integer(hintsText, 32n)
      if (hints === undefined) note(position, questionId, 'used_hints', hintsText, 'used_hints_invalid', 'defaulted')

      const same = occurrences.get(itemId)
      if (same === undefined) occurrences.set(itemId, [{ position, questionId }])
      else same.push({ position, questionId })
      answers.push({
        examId,
        time: completed,
        position,
        row: {
          id: attemptId(examId, questionId),
          student_id: studentId(exam.userId),
          item_id: itemId.toString(),
          correct: String(correct),
          response_time_ms: milliseconds.toString(),
          hint_used: String(hints !== undefined && hints > 0n),
          completed_at: instantText(completed),
          started_at: instantText(completed - seconds * second),
          attempt_no: '',
          session_id: exam.sessionId,
          topic_id: fieldText(element, 'topic') || null,
        },
      })
    }
    for (const same of occurrences.values()) {
      if (same.length < 2) continue
      for (const { position, questionId } of same)
        note(position, questionId, 'question_id', questionId, 'duplicate_in_exam', 'kept')
    }
  }

  answers.sort(
    (a, b) =>
      (a.time < b.time ? -1 : a.time > b.time ? 1 : 0) ||
      (a.examId < b.examId ? -1 : a.examId > b.examId ? 1 : 0) ||
      a.position - b.position,
  )
  const counts = new Map<string, number>()
  for (const { row } of answers) {
    const key = `${row.student_id} ${row.item_id}`
    const number = (counts.get(key) ?? 0) + 1
    counts.set(key, number)
    row.attempt_no = String(number)
  }
  return { attempts: answers.map(({ row }) => row), anomalies, elements }
}
