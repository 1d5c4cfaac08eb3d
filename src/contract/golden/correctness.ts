/** Golden rows of `correct`: which field decides, and how a text is read. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const correctnessCases: readonly GoldenCase[] = [
  {
    property: 'correct',
    why: 'is_correct, else correct, else false',
    exams: [
      { id: '90000000-0000-4000-8000-000000000038', session_id: 'correct 1', user_id: 'correct student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}, {"question_id": 2, "is_correct": false}, {"question_id": 3, "correct": true}, {"question_id": 4, "correct": false}, {"question_id": 5, "is_correct": true, "correct": false}, {"question_id": 6, "is_correct": false, "correct": true}, {"question_id": 7, "is_correct": null, "correct": true}, {"question_id": 8, "is_correct": null, "correct": false}, {"question_id": 9, "is_correct": true, "correct": null}, {"question_id": 10, "is_correct": true, "correct": "maybe"}, {"question_id": 11, "is_correct": false, "correct": {}}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['4251571505979816469', '8695d902-2920-e14f-ebe9-f4665e440def', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-8604959766225932701', '8695d902-2920-e14f-ebe9-f4665e440def', '2', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-6652627804241506367', '8695d902-2920-e14f-ebe9-f4665e440def', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['7393891620011593128', '8695d902-2920-e14f-ebe9-f4665e440def', '4', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-5216284442827690774', '8695d902-2920-e14f-ebe9-f4665e440def', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-4327569633395071831', '8695d902-2920-e14f-ebe9-f4665e440def', '6', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-3718012555304517614', '8695d902-2920-e14f-ebe9-f4665e440def', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['1273063003233925993', '8695d902-2920-e14f-ebe9-f4665e440def', '8', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-5959440887060686626', '8695d902-2920-e14f-ebe9-f4665e440def', '9', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['-9216345059714595939', '8695d902-2920-e14f-ebe9-f4665e440def', '10', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
      ['3141294431005341841', '8695d902-2920-e14f-ebe9-f4665e440def', '11', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct 1', null],
    ],
  },
  {
    property: 'correct_missing',
    why: 'an element with neither is_correct nor correct stays, and is false',
    exams: [
      { id: '90000000-0000-4000-8000-000000000039', session_id: 'correct_missing 1', user_id: 'correct_missing student', result_json: '{"questions": [{"question_id": 1}, {"question_id": 2, "is_correct": null}, {"question_id": 3, "correct": null}, {"question_id": 4, "is_correct": null, "correct": null}, {"question_id": 5, "time_spent_sec": 3, "topic": "t"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['6373489744197026709', '391a9256-49b3-5091-a482-6beb288839f2', '1', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_missing 1', null],
      ['3239942514981887159', '391a9256-49b3-5091-a482-6beb288839f2', '2', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_missing 1', null],
      ['-8650880188602408649', '391a9256-49b3-5091-a482-6beb288839f2', '3', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_missing 1', null],
      ['-6707469559629384151', '391a9256-49b3-5091-a482-6beb288839f2', '4', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_missing 1', null],
      ['-6804243267776249440', '391a9256-49b3-5091-a482-6beb288839f2', '5', 'false', '3000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:57.000000Z', '1', 'correct_missing 1', 't'],
    ],
  },
  {
    property: 'correct_texts',
    why: 'a text is read as PostgreSQL reads a boolean',
    exams: [
      { id: '90000000-0000-4000-8000-00000000003a', session_id: 'correct_texts 1', user_id: 'correct_texts student', result_json: '{"questions": [{"question_id": 1, "is_correct": "t"}, {"question_id": 2, "is_correct": "T"}, {"question_id": 3, "is_correct": "tr"}, {"question_id": 4, "is_correct": "tRu"}, {"question_id": 5, "is_correct": "TRUE"}, {"question_id": 6, "is_correct": "y"}, {"question_id": 7, "is_correct": "YE"}, {"question_id": 8, "is_correct": "Yes"}, {"question_id": 9, "is_correct": "on"}, {"question_id": 10, "is_correct": "ON"}, {"question_id": 11, "is_correct": "1"}, {"question_id": 12, "is_correct": 1}, {"question_id": 13, "is_correct": " true "}, {"question_id": 14, "is_correct": "\\ttrue\\n"}, {"question_id": 15, "is_correct": "f"}, {"question_id": 16, "is_correct": "FA"}, {"question_id": 17, "is_correct": "fal"}, {"question_id": 18, "is_correct": "Fals"}, {"question_id": 19, "is_correct": "FALSE"}, {"question_id": 20, "is_correct": "n"}, {"question_id": 21, "is_correct": "NO"}, {"question_id": 22, "is_correct": "of"}, {"question_id": 23, "is_correct": "OFF"}, {"question_id": 24, "is_correct": "0"}, {"question_id": 25, "is_correct": 0}, {"question_id": 26, "is_correct": " off\\r"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000003b', session_id: 'correct_texts 2', user_id: 'correct_texts student', result_json: '{"questions": [{"question_id": 1, "correct": "YES"}, {"question_id": 2, "correct": "no"}, {"question_id": 3, "correct": 1}, {"question_id": 4, "correct": 0}, {"question_id": 5, "correct": "of"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-5564052251435009547', 'e78a00d2-54e7-2021-cb71-7745f015992b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['5627496997425064370', 'e78a00d2-54e7-2021-cb71-7745f015992b', '2', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-2029790755407420198', 'e78a00d2-54e7-2021-cb71-7745f015992b', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-5554902538758652054', 'e78a00d2-54e7-2021-cb71-7745f015992b', '4', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['2743951478072070878', 'e78a00d2-54e7-2021-cb71-7745f015992b', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['385032706939786812', 'e78a00d2-54e7-2021-cb71-7745f015992b', '6', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['2147340672267414004', 'e78a00d2-54e7-2021-cb71-7745f015992b', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-7000063549959043523', 'e78a00d2-54e7-2021-cb71-7745f015992b', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['2031462451404953805', 'e78a00d2-54e7-2021-cb71-7745f015992b', '9', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['7384924508173724730', 'e78a00d2-54e7-2021-cb71-7745f015992b', '10', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-8230890354055640125', 'e78a00d2-54e7-2021-cb71-7745f015992b', '11', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-1744196073410692042', 'e78a00d2-54e7-2021-cb71-7745f015992b', '12', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['7898515403343683288', 'e78a00d2-54e7-2021-cb71-7745f015992b', '13', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['5521091299990276390', 'e78a00d2-54e7-2021-cb71-7745f015992b', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['8446832746176265380', 'e78a00d2-54e7-2021-cb71-7745f015992b', '15', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-7947078581173954477', 'e78a00d2-54e7-2021-cb71-7745f015992b', '16', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-4214056871505780920', 'e78a00d2-54e7-2021-cb71-7745f015992b', '17', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-2802092310041440004', 'e78a00d2-54e7-2021-cb71-7745f015992b', '18', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['6466724715517058502', 'e78a00d2-54e7-2021-cb71-7745f015992b', '19', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['385831216807966469', 'e78a00d2-54e7-2021-cb71-7745f015992b', '20', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-440493644161771865', 'e78a00d2-54e7-2021-cb71-7745f015992b', '21', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-76791846676892724', 'e78a00d2-54e7-2021-cb71-7745f015992b', '22', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-5132584922176255341', 'e78a00d2-54e7-2021-cb71-7745f015992b', '23', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['1787245353850725234', 'e78a00d2-54e7-2021-cb71-7745f015992b', '24', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['4928749444282550768', 'e78a00d2-54e7-2021-cb71-7745f015992b', '25', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['-2409208267805333882', 'e78a00d2-54e7-2021-cb71-7745f015992b', '26', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_texts 1', null],
      ['4133108106139062129', 'e78a00d2-54e7-2021-cb71-7745f015992b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'correct_texts 2', null],
      ['-3939102583444048135', 'e78a00d2-54e7-2021-cb71-7745f015992b', '2', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'correct_texts 2', null],
      ['-562619882924935680', 'e78a00d2-54e7-2021-cb71-7745f015992b', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'correct_texts 2', null],
      ['565658914230570858', 'e78a00d2-54e7-2021-cb71-7745f015992b', '4', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'correct_texts 2', null],
      ['6522760850487260806', 'e78a00d2-54e7-2021-cb71-7745f015992b', '5', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'correct_texts 2', null],
    ],
  },
  {
    property: 'correct_invalid',
    why: 'an element whose is_correct, else correct, is not a boolean is left out',
    exams: [
      { id: '90000000-0000-4000-8000-00000000003c', session_id: 'correct_invalid 1', user_id: 'correct_invalid student', result_json: '{"questions": [{"question_id": 1, "is_correct": "maybe"}, {"question_id": 2, "is_correct": ""}, {"question_id": 3, "is_correct": " "}, {"question_id": 4, "is_correct": 2}, {"question_id": 5, "is_correct": -1}, {"question_id": 6, "is_correct": 1.0}, {"question_id": 7, "is_correct": "o"}, {"question_id": 8, "is_correct": "truee"}, {"question_id": 9, "is_correct": "tr ue"}, {"question_id": 10, "is_correct": "01"}, {"question_id": 11, "is_correct": {}}, {"question_id": 12, "is_correct": []}, {"question_id": 13, "is_correct": [true]}, {"question_id": 14, "is_correct": "null"}, {"question_id": 15, "is_correct": "ja"}, {"question_id": 16, "is_correct": 10}, {"question_id": 17, "is_correct": "\\u00a0true"}, {"question_id": 50, "correct": "maybe"}, {"question_id": 51, "is_correct": "maybe", "correct": true}, {"question_id": 52, "is_correct": "", "correct": true}, {"question_id": 53, "is_correct": null, "correct": ""}, {"question_id": 54, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-1168312729011431069', 'e6f0052d-26f4-35b3-c04b-ab85525b687c', '54', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'correct_invalid 1', null],
    ],
  },
]
