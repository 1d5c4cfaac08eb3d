/** Golden rows of `session_id`: the text of the source. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const sessionIdCases: readonly GoldenCase[] = [
  {
    property: 'session_id',
    why: 'session_id is the text of the source, unchanged',
    exams: [
      { id: '90000000-0000-4000-8000-000000000048', session_id: '', user_id: 'session 0', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000049', session_id: ' ', user_id: 'session 1', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004a', session_id: 'test', user_id: 'session 2', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004b', session_id: 'TEST-1', user_id: 'session 3', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004c', session_id: 'demo-session', user_id: 'session 4', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004d', session_id: 'null', user_id: 'session 5', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004e', session_id: 'session with blanks ', user_id: 'session 6', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000004f', session_id: 'sesión', user_id: 'session 7', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000050', session_id: '007', user_id: 'session 8', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000051', session_id: 'internal', user_id: 'session 9', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000052', session_id: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', user_id: 'session 10', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000053', session_id: 'it\'s', user_id: 'session 11', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000054', session_id: 'Preview/1', user_id: 'session 12', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000055', session_id: '{"a":1}', user_id: 'session 13', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-5161330540804867769', '81b56c32-b0d8-56d3-50fc-4babea05549a', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', '', null],
      ['-3804818881707319897', 'e7d2067c-947d-3423-fc8a-6852c6b4ff01', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', ' ', null],
      ['-7386796784768951416', '7007364b-544f-0b51-d94a-3a60a69833e1', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'test', null],
      ['-6845471518946809096', '4f016ef7-44e4-b0f2-1006-af807990d976', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'TEST-1', null],
      ['8060287073717880370', 'c73f523a-f3df-8995-02c3-d5284ac6662c', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'demo-session', null],
      ['5582158173517080988', 'a2669739-7253-544f-b2e2-4c6195558418', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'null', null],
      ['203125128939520914', 'c42a34d3-873c-f0ab-8b15-be36370ebeec', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'session with blanks ', null],
      ['-5006193687672088221', '81437805-afde-029d-6d11-1fe83ba8e019', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'sesión', null],
      ['-790441338192493289', 'aae88954-151e-cdb4-273b-810b0100167a', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', '007', null],
      ['1833876607861208299', 'c4ea11fe-b075-706c-48ce-ea0f6ddb2f80', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'internal', null],
      ['-1187464150892229606', 'b46ced5b-5d19-2a09-0798-c8735f1d1991', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', null],
      ['-7464174159801941070', '52a9ef00-4787-3c8e-b13a-93fbea1a8d85', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'it\'s', null],
      ['3682869309508004524', '70fa3c78-f38b-db52-b321-f880bce4aeb1', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'Preview/1', null],
      ['-5983110312572135539', '3a814d38-84b1-1641-ac53-0c8f35169b50', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', '{"a":1}', null],
    ],
  },
]
