/** Golden rows of `attempt_no`: what orders equal and nearly equal times. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const tieCases: readonly GoldenCase[] = [
  {
    property: 'ties_by_exam_id',
    why: 'only the exam result id orders equal times; created_at and session_id do not',
    exams: [
      { id: '90000000-0000-4000-8000-0000000000e8', session_id: 'ties_by_exam_id 3', user_id: 'ties_by_exam_id student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-04T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-0000000000e9', session_id: 'ties_by_exam_id 1', user_id: 'ties_by_exam_id student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-02T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-0000000000ea', session_id: 'ties_by_exam_id 2', user_id: 'ties_by_exam_id student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-03T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-0000000000eb', session_id: 'ties_by_exam_id 0', user_id: 'ties_by_exam_id student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-632606327191900842', '3bcfb224-4d86-4bcc-3cfb-ae42d53e4c6b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'ties_by_exam_id 3', null],
      ['3308800700237646114', '3bcfb224-4d86-4bcc-3cfb-ae42d53e4c6b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'ties_by_exam_id 1', null],
      ['6675141972461310435', '3bcfb224-4d86-4bcc-3cfb-ae42d53e4c6b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '3', 'ties_by_exam_id 2', null],
      ['-962399628433444580', '3bcfb224-4d86-4bcc-3cfb-ae42d53e4c6b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '4', 'ties_by_exam_id 0', null],
    ],
  },
  {
    property: 'attempt_no_microseconds',
    why: 'times that differ by a microsecond are ordered by time, not by exam result id',
    exams: [
      { id: '90000000-0000-4000-8000-0000000000ec', session_id: 'attempt_no_microseconds 1', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00.000002Z' },
      { id: '90000000-0000-4000-8000-0000000000ed', session_id: 'attempt_no_microseconds 2', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00.000001Z' },
      { id: '90000000-0000-4000-8000-0000000000ee', session_id: 'attempt_no_microseconds 3', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00.000000Z' },
      { id: '90000000-0000-4000-8000-0000000000ef', session_id: 'attempt_no_microseconds 4', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00.002000Z' },
      { id: '90000000-0000-4000-8000-0000000000f0', session_id: 'attempt_no_microseconds 5', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00.001000Z' },
      { id: '90000000-0000-4000-8000-0000000000f1', session_id: 'attempt_no_microseconds 6', user_id: 'attempt_no_microseconds student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T09:59:59.999999Z' },
    ],
    rows: [
      ['-5211160797377307290', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000002Z', '2026-03-02T10:00:00.000002Z', '4', 'attempt_no_microseconds 1', null],
      ['3619606345470575812', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000001Z', '2026-03-02T10:00:00.000001Z', '3', 'attempt_no_microseconds 2', null],
      ['-5704643532259535123', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'attempt_no_microseconds 3', null],
      ['-6612300105592489929', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T10:00:00.002000Z', '2026-03-02T10:00:00.002000Z', '6', 'attempt_no_microseconds 4', null],
      ['-9138338867010306095', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T10:00:00.001000Z', '2026-03-02T10:00:00.001000Z', '5', 'attempt_no_microseconds 5', null],
      ['-7080814184288401636', '3cfadb4f-c59b-de09-41ba-c7dc05256ae5', '1', 'true', '0', 'false', '2026-03-02T09:59:59.999999Z', '2026-03-02T09:59:59.999999Z', '1', 'attempt_no_microseconds 6', null],
    ],
  },
]
