/** docs/configuration.md, from the list of variables. */
import { format, resolveConfig } from 'prettier'
import { groups } from '../src/config/variables.js'
import type { Variable } from '../src/config/variable.js'

const introduction = `<!-- Generated from src/config/variables.ts by \`npm run generate\`. -->

# Configuration

attempt-api reads its configuration from environment variables when a command starts. An empty variable counts as
unset. All problems are reported together, and the command exits with 1. A variable whose name resembles one of these
has no effect; the log of \`serve\` warns of it.

\`serve\` reads every variable. The other commands need \`DATABASE_URL\` and, if the store is in a database of its
own, \`STORE_DATABASE_URL\`; they check the rest too, so that one environment serves all commands.
`

/** A cell: a vertical bar would end it. */
const cell = (text: string) => text.replaceAll('|', '\\|')

function row({ name, shownDefault, allowed, unit, description, see, schema }: Variable<unknown>): string {
  const shown = shownDefault === 'none' ? 'none' : `\`${shownDefault}\``
  const bounds = 'minimum' in schema && 'maximum' in schema ? `${schema.minimum} to ${schema.maximum}` : allowed
  const more = see === undefined ? '' : ` ([${see.replace(/#.*/, '')}](${see}))`
  return `| \`${name}\` | ${[shown, bounds, unit, description + more].map(cell).join(' | ')} |`
}

const section = ([title, variables]: [string, Record<string, Variable<unknown>>]) => `## ${title}

| variable | default | allowed | unit | meaning |
| --- | --- | --- | --- | --- |
${Object.values(variables).map(row).join('\n')}
`

/** The document, formatted as the committed one is. */
export async function configurationDocument(): Promise<string> {
  const path = 'docs/configuration.md'
  const text = [introduction, ...Object.entries(groups).map(section)].join('\n')
  return format(text, { ...(await resolveConfig(path)), filepath: path })
}
