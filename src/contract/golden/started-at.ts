/** Golden rows of `started_at`: whole seconds before `completed_at`. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const startedAtCases: readonly GoldenCase[] = [
  {
    property: 'started_at_rounding',
    why: 'whole seconds round half away from zero, from the seconds and not from the milliseconds',
    exams: [
      { id: '90000000-0000-4000-8000-000000000043', session_id: 'started_at_rounding 1', user_id: 'started_at_rounding student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": 1.5}, {"question_id": 2, "is_correct": true, "time_spent_sec": 2.5}, {"question_id": 3, "is_correct": true, "time_spent_sec": 0.5}, {"question_id": 4, "is_correct": true, "time_spent_sec": 3.5}, {"question_id": 5, "is_correct": true, "time_spent_sec": 0.4999}, {"question_id": 6, "is_correct": true, "time_spent_sec": 0.49999}, {"question_id": 7, "is_correct": true, "time_spent_sec": 0.4995}, {"question_id": 8, "is_correct": true, "time_spent_sec": 1.4999}, {"question_id": 9, "is_correct": true, "time_spent_sec": 1.4996}, {"question_id": 10, "is_correct": true, "time_spent_sec": 12.3}, {"question_id": 11, "is_correct": true, "time_spent_sec": 12.5}, {"question_id": 12, "is_correct": true, "time_spent_sec": 59.5}, {"question_id": 13, "is_correct": true, "time_spent_sec": 0.25}, {"question_id": 14, "is_correct": true, "time_spent_sec": 1.49999999999999999999}, {"question_id": 15, "is_correct": true, "time_spent_sec": 3600}, {"question_id": 16, "is_correct": true, "time_spent_sec": 86399.5}, {"question_id": 17, "is_correct": true, "time_spent_sec": 0.0005}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-8113593868263918641', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '1', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:58.000000Z', '1', 'started_at_rounding 1', null],
      ['-7600323186420968503', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '2', 'true', '2500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:57.000000Z', '1', 'started_at_rounding 1', null],
      ['8065765593029341866', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '3', 'true', '500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'started_at_rounding 1', null],
      ['3174938771643980962', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '4', 'true', '3500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:56.000000Z', '1', 'started_at_rounding 1', null],
      ['1873241165984119861', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '5', 'true', '500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['3308827349930676660', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '6', 'true', '500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['-2358143235676334605', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '7', 'true', '500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['-2622900695813248163', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '8', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'started_at_rounding 1', null],
      ['-3265623539652895852', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '9', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'started_at_rounding 1', null],
      ['8841895919877897370', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '10', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'started_at_rounding 1', null],
      ['6427714774355764520', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '11', 'true', '12500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:47.000000Z', '1', 'started_at_rounding 1', null],
      ['6436609592667770211', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '12', 'true', '59500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:00.000000Z', '1', 'started_at_rounding 1', null],
      ['730215678628974645', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '13', 'true', '250', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['6504866106393082426', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '14', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'started_at_rounding 1', null],
      ['2723464350395875584', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '15', 'true', '3600000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['-701999855273133395', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '16', 'true', '86399500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-01T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
      ['-4141304474319545837', '153d05b1-c981-e8fd-ae81-7ff049d84ed3', '17', 'true', '1', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_rounding 1', null],
    ],
  },
  {
    property: 'started_at_negative',
    why: 'a negative time makes started_at later than completed_at',
    exams: [
      { id: '90000000-0000-4000-8000-000000000044', session_id: 'started_at_negative 1', user_id: 'started_at_negative student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": -1.5}, {"question_id": 2, "is_correct": true, "time_spent_sec": -2.5}, {"question_id": 3, "is_correct": true, "time_spent_sec": -0.5}, {"question_id": 4, "is_correct": true, "time_spent_sec": -0.4}, {"question_id": 5, "is_correct": true, "time_spent_sec": -0.4996}, {"question_id": 6, "is_correct": true, "time_spent_sec": -3600}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-4118471745702894845', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '1', 'true', '-1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:02.000000Z', '1', 'started_at_negative 1', null],
      ['-217589410294203767', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '2', 'true', '-2500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:03.000000Z', '1', 'started_at_negative 1', null],
      ['-7507408499313915643', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '3', 'true', '-500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:01.000000Z', '1', 'started_at_negative 1', null],
      ['-4081647707009031724', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '4', 'true', '-400', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_negative 1', null],
      ['5266639794980694178', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '5', 'true', '-500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'started_at_negative 1', null],
      ['8782332338052530817', '432b6794-1ab3-29e2-08d1-69b61b99fdd5', '6', 'true', '-3600000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T11:00:00.000000Z', '1', 'started_at_negative 1', null],
    ],
  },
]
