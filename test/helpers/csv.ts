/** RFC 4180 read by a parser of its own: quoted cells may hold commas, quotes and line ends. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let [row, at]: [string[], number] = [[], 0]
  while (at < text.length) {
    let cell = ''
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) throw new Error('a quoted cell has no end')
        if (text[at] !== '"') cell += text[at]
        else if (text[at + 1] === '"') cell += text[at++]
        else break
      }
      at++
    } else {
      const end = /[,\r\n]/.exec(text.slice(at, at + 100_000))
      const length = end === null ? text.length - at : end.index
      cell = text.slice(at, at + length)
      at += length
    }
    row.push(cell)
    if (text[at] === ',') at++
    else {
      if (text.slice(at, at + 2) !== '\r\n') throw new Error(`a line ends with ${JSON.stringify(text.slice(at, at + 2))} instead of CRLF`)
      at += 2
      rows.push(row)
      row = []
    }
  }
  return rows
}
