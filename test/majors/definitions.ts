/**
 * `npm run generate:definitions`: writes src/contract/installed/, the definitions that the migrations install, as each
 * major version of PostgreSQL prints them. A test fails when a file differs from the server in use.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { PrintedDefinitions } from '../../src/contract/contract.js'
import { readPrinted } from '../../src/contract/installed.js'
import { plainSettings, setLocally } from '../../src/contract/settings.js'
import { startEmbedded } from '../../src/development/embedded.js'
import { makeTemplate } from '../helpers/database.js'
import { majorBinaries, majors } from './binaries.js'
import { installMajors } from './install.js'

/** What the migrations of the view make. */
const installedNames = [
  ...['attempt', 'attempt_anomaly', 'attempt_numbered', 'attempt_response', 'attempt_element', 'attempt_exam'],
  'attempt_student_id(text)',
]

async function printedBy(major: string): Promise<PrintedDefinitions> {
  const directory = mkdtempSync(join(tmpdir(), 'attempt-definitions-'))
  chmodSync(directory, 0o755)
  const server = await startEmbedded(directory, { binaries: await majorBinaries(major) })
  try {
    const database = await makeTemplate(server.url)
    const client = new pg.Client({ connectionString: database })
    await client.connect()
    await client.query('begin')
    await setLocally(client, plainSettings)
    const printed = await readPrinted(client, 'public', installedNames)
    await client.end()
    return Object.fromEntries(
      installedNames.map((name) => [name, (printed[name] ?? '').replace(/\bpublic\.(attempt|exam_results)/g, '$1')]),
    )
  } finally {
    await server.stop('immediate')
    rmSync(directory, { recursive: true, force: true })
  }
}

function moduleText(first: string, known: readonly string[], printed: PrintedDefinitions): string {
  const entries = Object.entries(printed).map(
    ([name, text]) => `  ${/\W/.test(name) ? `'${name}'` : name}: String.raw\`\n${text.trimEnd()}\n\`,\n`,
  )
  const versions = known.length > 1 ? `${known.slice(0, -1).join(', ')} and ${known.at(-1)}` : first
  return (
    `/** Printed by PostgreSQL ${versions}. Generated: npm run generate:definitions. */\n` +
    `import type { PrintedDefinitions } from '../contract.js'\n\n` +
    `export const postgres${first}: PrintedDefinitions = {\n${entries.join('')}}\n`
  )
}

await installMajors(majors)
const groups: { known: string[]; printed: PrintedDefinitions }[] = []
for (const major of majors) {
  const printed = await printedBy(major)
  const same = groups.find((group) => JSON.stringify(group.printed) === JSON.stringify(printed))
  if (same === undefined) groups.push({ known: [major], printed })
  else same.known.push(major)
}
const folder = new URL('../../src/contract/installed/', import.meta.url)
const write = (name: string, text: string) => {
  writeFileSync(new URL(name, folder), text)
  console.log(`src/contract/installed/${name}`)
}
for (const { known, printed } of groups) write(`postgres-${known[0]}.ts`, moduleText(known[0] ?? '', known, printed))
write(
  'index.ts',
  `/** The definitions that this version's migrations install, as each major version of PostgreSQL prints them. */\n` +
    `import type { PrintedDefinitions } from '../contract.js'\n` +
    groups.map(({ known: [first] }) => `import { postgres${first} } from './postgres-${first}.js'\n`).join('') +
    `\nexport const installedDefinitions: Readonly<Record<string, PrintedDefinitions>> = {\n` +
    groups.map(({ known }) => known.map((major) => `  '${major}': postgres${known[0]},\n`).join('')).join('') +
    `}\n`,
)
