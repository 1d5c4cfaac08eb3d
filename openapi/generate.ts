/** Writes the generated documents: `npm run generate`. A test fails when the committed ones differ. */
import { writeFileSync } from 'node:fs'
import { configurationDocument } from './configuration.js'
import { documents } from './documents.js'

const files = Object.entries(await documents()).map(([name, text]) => [`openapi/${name}`, text] as const)
for (const [file, text] of [...files, ['docs/configuration.md', await configurationDocument()] as const]) {
  writeFileSync(new URL(`../${file}`, import.meta.url), text)
  console.log(file)
}
