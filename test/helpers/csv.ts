/** CSV read by a parser of its own. */

/**
 * RFC 4180, strictly: records end with CRLF, quotes stand only around a whole field.
 * @returns for each field its text and whether it was quoted
 */
export function parseFields(csv: string): { text: string; quoted: boolean }[][] {
  const records: { text: string; quoted: boolean }[][] = []
  for (let at = 0; at < csv.length;) {
    const record: { text: string; quoted: boolean }[] = []
    for (;;) {
      if (csv[at] === '"') {
        const pieces: string[] = []
        do {
          const end = csv.indexOf('"', at + 1)
          if (end === -1) throw new Error('a quote is not closed')
          pieces.push(csv.slice(at + 1, end))
          at = end + 1
        } while (csv[at] === '"')
        record.push({ text: pieces.join('"'), quoted: true })
      } else {
        const start = at
        while (at < csv.length && !',"\r\n'.includes(csv[at] as string)) at++
        record.push({ text: csv.slice(start, at), quoted: false })
      }
      if (csv[at] === ',') at++
      else if (csv.startsWith('\r\n', at)) break
      else throw new Error(`neither comma nor CRLF at ${at}: ${JSON.stringify(csv.slice(at - 20, at + 20))}`)
    }
    at += 2
    records.push(record)
  }
  return records
}

/** The records' texts. */
export const parseCsv = (csv: string): string[][] => parseFields(csv).map((record) => record.map((field) => field.text))
