/** Every link between the documents leads to a file that exists, and to a heading that it has. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...(readdirSync('docs', { recursive: true }) as string[])
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

/** As GitHub makes them of headings. */
const anchorsOf = (document: string) =>
  new Set(
    [...readFileSync(document, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\-_ ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

/** Links outside of code blocks, as they stand between parentheses. */
const linksOf = (document: string) =>
  [
    ...readFileSync(document, 'utf8')
      .replaceAll(/^```[^]*?^```/gm, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, link = '']) => link)

/** Why a link is broken; undefined: it is not. */
function fault(document: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? document : normalize(join(dirname(document), path))
  if (!existsSync(target)) return `${document}: ${link} leads to no file`
  if (anchor !== undefined && !anchorsOf(target).has(anchor)) return `${document}: ${link} leads to no heading`
  return undefined
}

t.ok(documents.length > 20, `${documents.length} documents`)
t.strictSame(
  documents.flatMap((document) =>
    linksOf(document)
      .filter((link) => !/^[a-z]+:/.test(link))
      .flatMap((link) => fault(document, link) ?? []),
  ),
  [],
)
