/** Number of letters to insert, delete or replace between two names (Levenshtein distance). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_value, index) => index)
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1]
    for (const [column, opposite] of [...b].entries())
      current.push(
        Math.min(
          (previous[column] ?? 0) + (letter === opposite ? 0 : 1),
          (previous[column + 1] ?? 0) + 1,
          (current[column] ?? 0) + 1,
        ),
      )
    previous = current
  }
  return previous.at(-1) ?? 0
}
