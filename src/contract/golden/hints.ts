/** Golden rows of `hint_used`: whether `used_hints` is above zero. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const hintCases: readonly GoldenCase[] = [
  {
    property: 'hint_used',
    why: 'hint_used is true where used_hints is above zero',
    exams: [
      { id: '90000000-0000-4000-8000-000000000045', session_id: 'hint_used 1', user_id: 'hint_used student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "used_hints": 0}, {"question_id": 2, "is_correct": true, "used_hints": 1}, {"question_id": 3, "is_correct": true, "used_hints": 2}, {"question_id": 4, "is_correct": true, "used_hints": -1}, {"question_id": 5, "is_correct": true, "used_hints": 100}, {"question_id": 6, "is_correct": true, "used_hints": 2147483647}, {"question_id": 7, "is_correct": true, "used_hints": -2147483648}, {"question_id": 8, "is_correct": true}, {"question_id": 9, "is_correct": true, "used_hints": null}, {"question_id": 10, "is_correct": true, "used_hints": "0"}, {"question_id": 11, "is_correct": true, "used_hints": "1"}, {"question_id": 12, "is_correct": true, "used_hints": " 2 "}, {"question_id": 13, "is_correct": true, "used_hints": "+3"}, {"question_id": 14, "is_correct": true, "used_hints": "-3"}, {"question_id": 15, "is_correct": true, "used_hints": "007"}, {"question_id": 16, "is_correct": true, "used_hints": 1e1}, {"question_id": 17, "is_correct": true, "used_hints": "00"}, {"question_id": 18, "is_correct": true, "used_hints": "-0"}, {"question_id": 19, "is_correct": true, "used_hints": "0000000000000000000005"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['8301519160586106055', '4510836a-dadc-5068-1d89-d0af93998830', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['6619952807042627974', '4510836a-dadc-5068-1d89-d0af93998830', '2', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-3324170086885754097', '4510836a-dadc-5068-1d89-d0af93998830', '3', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-6201493135247631241', '4510836a-dadc-5068-1d89-d0af93998830', '4', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-3677877650871695432', '4510836a-dadc-5068-1d89-d0af93998830', '5', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['8274319819134335410', '4510836a-dadc-5068-1d89-d0af93998830', '6', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-1581240035931737686', '4510836a-dadc-5068-1d89-d0af93998830', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['4071398771270312202', '4510836a-dadc-5068-1d89-d0af93998830', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['8492111349460488461', '4510836a-dadc-5068-1d89-d0af93998830', '9', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['7036908563471259721', '4510836a-dadc-5068-1d89-d0af93998830', '10', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-6058710073798523816', '4510836a-dadc-5068-1d89-d0af93998830', '11', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-3956937284476890365', '4510836a-dadc-5068-1d89-d0af93998830', '12', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['8314838170508640331', '4510836a-dadc-5068-1d89-d0af93998830', '13', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-3715481171315366939', '4510836a-dadc-5068-1d89-d0af93998830', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-1479745292054376243', '4510836a-dadc-5068-1d89-d0af93998830', '15', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['635803846393765304', '4510836a-dadc-5068-1d89-d0af93998830', '16', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-3186408027661947575', '4510836a-dadc-5068-1d89-d0af93998830', '17', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-4906632579654046005', '4510836a-dadc-5068-1d89-d0af93998830', '18', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
      ['-6029587703911294026', '4510836a-dadc-5068-1d89-d0af93998830', '19', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used 1', null],
    ],
  },
  {
    property: 'hint_used_invalid',
    why: 'hint_used is false where used_hints is not a 32-bit integer',
    exams: [
      { id: '90000000-0000-4000-8000-000000000046', session_id: 'hint_used_invalid 1', user_id: 'hint_used_invalid student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "used_hints": ""}, {"question_id": 2, "is_correct": true, "used_hints": " "}, {"question_id": 3, "is_correct": true, "used_hints": "abc"}, {"question_id": 4, "is_correct": true, "used_hints": true}, {"question_id": 5, "is_correct": true, "used_hints": false}, {"question_id": 6, "is_correct": true, "used_hints": "true"}, {"question_id": 7, "is_correct": true, "used_hints": 1.5}, {"question_id": 8, "is_correct": true, "used_hints": 1.0}, {"question_id": 9, "is_correct": true, "used_hints": 0.5}, {"question_id": 10, "is_correct": true, "used_hints": "1.0"}, {"question_id": 11, "is_correct": true, "used_hints": 2147483648}, {"question_id": 12, "is_correct": true, "used_hints": -2147483649}, {"question_id": 13, "is_correct": true, "used_hints": "99999999999999999999"}, {"question_id": 14, "is_correct": true, "used_hints": {}}, {"question_id": 15, "is_correct": true, "used_hints": []}, {"question_id": 16, "is_correct": true, "used_hints": [1]}, {"question_id": 17, "is_correct": true, "used_hints": "0x1"}, {"question_id": 18, "is_correct": true, "used_hints": "1e1"}, {"question_id": 19, "is_correct": true, "used_hints": "1_0"}, {"question_id": 20, "is_correct": true, "used_hints": 1e20}, {"question_id": 21, "is_correct": true, "used_hints": "NaN"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['6630551846396440022', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['3589385461751505057', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '2', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['3888259048025277749', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-2986549632720165638', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '4', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['3685699211708588264', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-8300056453137471696', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '6', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['8517491218365704427', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['8127977728525279492', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['4886349566022201224', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '9', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-4145782599590233254', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '10', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['810921189870382973', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '11', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-1743947229372504731', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '12', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-4207375617235188775', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '13', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['7083826322714903759', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-7224566532236675551', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '15', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-1269066486657641788', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '16', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-1298301673184845144', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '17', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['6200752164374407590', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '18', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-5544534495599894399', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '19', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['4567229215550703005', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '20', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
      ['-1323629596857082150', '6c53f090-8e05-e8bb-52fd-ef22c486ce16', '21', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'hint_used_invalid 1', null],
    ],
  },
]
