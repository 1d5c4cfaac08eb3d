/** Where each group begins in a list with `counts[group]` entries per group; one more entry is the list's length. */
export function prefixSums(counts: Int32Array): Int32Array {
  const begins = new Int32Array(counts.length + 1)
  for (let group = 0; group < counts.length; group++) begins[group + 1] = begins[group]! + counts[group]!
  return begins
}
