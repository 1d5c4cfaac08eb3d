/** Golden rows of `topic_id`: the text of the topic. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const topicCases: readonly GoldenCase[] = [
  {
    property: 'topic',
    why: 'topic_id is the text of topic, and null where it is empty or missing',
    exams: [
      { id: '90000000-0000-4000-8000-000000000047', session_id: 'topic 1', user_id: 'topic student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "topic": "algebra"}, {"question_id": 2, "is_correct": true, "topic": ""}, {"question_id": 3, "is_correct": true}, {"question_id": 4, "is_correct": true, "topic": null}, {"question_id": 5, "is_correct": true, "topic": " "}, {"question_id": 6, "is_correct": true, "topic": "  "}, {"question_id": 7, "is_correct": true, "topic": "Algebra"}, {"question_id": 8, "is_correct": true, "topic": " algebra "}, {"question_id": 9, "is_correct": true, "topic": "\\t"}, {"question_id": 10, "is_correct": true, "topic": 5}, {"question_id": 11, "is_correct": true, "topic": 1.50}, {"question_id": 12, "is_correct": true, "topic": true}, {"question_id": 13, "is_correct": true, "topic": false}, {"question_id": 14, "is_correct": true, "topic": {"a": 1}}, {"question_id": 15, "is_correct": true, "topic": [1, 2]}, {"question_id": 16, "is_correct": true, "topic": []}, {"question_id": 17, "is_correct": true, "topic": {}}, {"question_id": 18, "is_correct": true, "topic": "null"}, {"question_id": 19, "is_correct": true, "topic": "été"}, {"question_id": 20, "is_correct": true, "topic": "long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long "}, {"question_id": 21, "is_correct": true, "topic": "😀"}, {"question_id": 22, "is_correct": true, "topic": 0}, {"question_id": 23, "is_correct": true, "topic": "unknown"}, {"question_id": 24, "is_correct": true, "topic": "\\u00a0"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-73801595232016220', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'algebra'],
      ['4942088146530668114', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '2', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', null],
      ['4854739274091732079', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', null],
      ['256926812820681537', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '4', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', null],
      ['5342329308750208891', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', ' '],
      ['5728260628956865027', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '6', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '  '],
      ['3900642509099234993', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'Algebra'],
      ['2670470613112845500', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', ' algebra '],
      ['4826709444510772979', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '9', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '\t'],
      ['3530119446708126599', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '10', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '5'],
      ['-7199414444287808632', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '11', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '1.50'],
      ['-7610177570024782835', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '12', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'true'],
      ['-1990419706083826166', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '13', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'false'],
      ['803702776022793685', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '{"a": 1}'],
      ['-8867433372328646371', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '15', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '[1, 2]'],
      ['2369068621435224767', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '16', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '[]'],
      ['227128709074604510', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '17', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '{}'],
      ['882904698369803169', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '18', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'null'],
      ['-8335969667036229575', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '19', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'été'],
      ['3968707949516922518', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '20', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long '],
      ['-5936715922715240817', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '21', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '😀'],
      ['7960452385715918102', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '22', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', '0'],
      ['-4146380028333413178', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '23', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', 'unknown'],
      ['-7973386096385062169', 'a709b0e0-0039-a8ed-7cd1-11c4027516e3', '24', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'topic 1', ' '],
    ],
  },
]
