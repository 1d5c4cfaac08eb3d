/**
 * Exams that tell a mutant that the check misses from one of equal meaning: random, of another generator than the
 * golden rows, and with the values that the mutants' conditions name.
 */
import { classSamples, prefixes, words } from './vocabulary.js'

const one = <Value>(random: () => number, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value

function randomText(random: () => number): string {
  const letters = one(random, ['aBc dEf', 'AB', 'é Ñß', 'Жя Ω', 'x1 2y', '中文 あ', 'aa\u00a0B', 'e\u0301Q\t', '-@_/|'])
  const length = Math.floor(10 ** (random() * 3.2))
  const body = Array.from({ length }, () => one(random, [...letters])).join('')
  return one(random, [
    () => body,
    () => one(random, prefixes) + body.slice(0, 20) + one(random, [' ', 'Zé ', '-x@Y', '\u00a0', '']),
    () => one(random, ['', ' É', 'x-']) + body.slice(0, 20) + one(random, prefixes),
    () => one(random, [one(random, words), one(random, words).toUpperCase()]),
    () => one(random, ['', 'A ', ' é-B']) + one(random, classSamples) + one(random, ['', body.slice(0, 60), ' Zé@-x ']),
  ])()
}

const randomNumber = (random: () => number, places: number) =>
  String(Math.floor(10 ** (random() * places)) * one(random, [1, 1, 1, -1]))

function randomTime(random: () => number): string {
  const year = random() < 0.7 ? 1900 + Math.floor(random() * 200) : 2 + Math.floor(random() * 9990)
  const at = new Date(Date.UTC(2000, 0, 1) + Math.floor(random() * 366 * 86_400_000))
  return `${String(year).padStart(4, '0')}-${at.toISOString().slice(5, 23).replace('02-29', '02-28')}${one(random, ['000', '001', '999'])}Z`
}

/** Values of exam_results but `id`, by column, as text. */
export function corpusExam(random: () => number, at: number): Record<string, string | null> {
  const question = () => {
    const json = (text: string) => JSON.stringify(text)
    const spoilt = one(random, [
      'question_id',
      'is_correct',
      'correct',
      'time_spent_sec',
      'used_hints',
      'none',
      'none',
      'none',
    ])
    const fields: Record<string, string> = {
      question_id: one(random, [randomNumber(random, 2), randomNumber(random, 18).replace(/e.*|\..*/, ''), '1']),
      is_correct: one(random, ['true', 'false', '"yes"', '" No "', 'null']),
      time_spent_sec: one(random, [
        (random() * 10 ** (random() * 6)).toFixed(4),
        '0',
        '1',
        '"x"',
        '-2.5',
        json(` ${randomNumber(random, 5)} `),
      ]),
      used_hints: one(random, ['0', '1', '2', json(` ${randomNumber(random, 6)}`)]),
      topic: one(random, ['""', 'null', json(randomText(random)), json(randomText(random)), json(randomText(random))]),
    }
    if (spoilt !== 'none')
      fields[spoilt] = json(
        one(random, [
          randomText(random),
          ` ${one(random, ['true', 'F', '12', '3.5'])}${one(random, ['\t', '\u00a0', ''])}`,
        ]),
      )
    return `{${Object.entries(fields)
      .map(([name, value]) => `"${name}":${value}`)
      .join(',')}}`
  }
  const user = random() < 0.3 ? `student ${Math.floor(random() * 3)}` : random() < 0.03 ? null : randomText(random)
  return {
    session_id: `${randomText(random)}${random() < 0.1 ? '' : ''}` || `s${at}`,
    user_id: user,
    exam_id: one(random, [randomNumber(random, 6), null]),
    org_id: one(random, [randomNumber(random, 6), null]),
    status: randomText(random),
    score_raw: one(random, [randomNumber(random, 3), null]),
    score_scaled: one(random, [randomNumber(random, 3), null]),
    standard_error: one(random, [random().toFixed(3), null]),
    percentile: one(random, [randomNumber(random, 2), null]),
    result_json: `{"questions":[${Array.from({ length: Math.floor(random() * (at % 50 === 0 ? 40 : 4)) }, question).join(',')}],"score":1}`,
    created_at: one(random, [randomTime(random), '2026-01-01T00:00:00Z']),
    updated_at: one(random, [randomTime(random), randomTime(random), 'infinity', '0001-05-05T00:00:00Z']),
  }
}
