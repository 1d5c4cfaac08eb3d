/** Prometheus' text format, read the simple way. */
export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}
export interface Family {
  type: string
  help: string
  samples: Sample[]
}

export function parseMetrics(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  let family: Family = { type: '', help: '', samples: [] }
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') families.set(name, (family = { type: '', help: rest, samples: [] }))
    else if (kind === 'TYPE') family.type = rest
    else if (line !== '') {
      const [, sample = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (sample === '') throw new Error(`no sample: ${line}`)
      family.samples.push({
        name: sample,
        value: value === 'Nan' ? NaN : Number(value.replace('Inf', 'Infinity')),
        labels: Object.fromEntries(
          [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]),
        ) as Record<string, string>,
      })
    }
  }
  return families
}

/** The sum of the samples that have these labels. */
export function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const samples =
    families.get(name.replace(/_(bucket|sum|count)$/, (end) => (families.has(name) ? end : '')))?.samples ?? []
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return found.length === 0 ? NaN : found.reduce((sum, { value }) => sum + value, 0)
}
