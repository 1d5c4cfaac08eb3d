/** The image and the tests agree on what they run on. */
import { readFileSync } from 'node:fs'
import t from 'tap'

t.test('the image is built of exactly the Node 24 that CI runs the fast tests on', async (t) => {
  const dockerfile = readFileSync('Dockerfile', 'utf8')
  const version = /^ARG NODE_VERSION=(24\.\d+\.\d+)$/m.exec(dockerfile)?.[1]
  t.type(version, 'string')
  for (const [line] of dockerfile.matchAll(/^FROM .*$/gm))
    t.match(line, /^FROM node:\$\{NODE_VERSION\}-slim( AS \w+)?$/)
  const { optionalDependencies } = JSON.parse(readFileSync('test/node24/package.json', 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  for (const [name, tested] of Object.entries(optionalDependencies)) t.equal(tested, version, name)
})
