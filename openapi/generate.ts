/** Writes the generated documents: `npm run generate:openapi`. A test fails when the committed ones differ. */
import { writeFileSync } from 'node:fs'
import { documents } from './documents.js'

for (const [file, text] of Object.entries(await documents())) {
  writeFileSync(new URL(file, import.meta.url), text)
  console.log(`openapi/${file}`)
}
