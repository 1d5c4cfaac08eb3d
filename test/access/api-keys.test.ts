import t from 'tap'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKey, findCaller, loadKeyFile, parseKeys, readMoment } from '../../src/access/api-keys.js'
import { command } from '../helpers/cli.js'
import { entryOf } from '../helpers/keys.js'
import { until } from '../helpers/until.js'

const folder = (t: { teardown(action: () => unknown): unknown }) => {
  const made = mkdtempSync(join(tmpdir(), 'attempt-keys-'))
  t.teardown(() => {
    rmSync(made, { recursive: true })
  })
  return made
}

t.test('a key is 256 random bits that can be recognised, and a damaged one is told from an unknown one', async (t) => {
  const made = Array.from({ length: 50 }, () => createKey())
  t.equal(new Set(made.map(({ key }) => key)).size, 50)
  for (const { key } of made) t.match(key, /^attempt_key_[0-9A-Za-z]{43}_[0-9a-f]{8}$/)
  t.equal(new Set(made.flatMap(({ key }) => [...key.slice(12, 55)])).size, 62, 'every letter and digit is used')
  const [mine, other] = made as [(typeof made)[0], (typeof made)[0]]
  const keys = parseKeys(JSON.stringify({ keys: [entryOf('kpi', mine, ['aggregates:read'], '2099-01-01')] }))
  t.match(findCaller(keys, mine.key), { name: 'kpi' })
  t.strictSame([...findCaller(keys, mine.key).scopes], ['aggregates:read'])
  t.throws(() => findCaller(keys, other.key), /unknown/)
  t.throws(() => findCaller([], mine.key), /unknown/)
  for (const damaged of [
    mine.key.slice(0, -1),
    `${mine.key}0`,
    mine.key.toUpperCase(),
    mine.hash,
    '',
    mine.key.replace(/.(?=_[0-9a-f]+$)/, (last) => (last === 'x' ? 'y' : 'x')),
  ])
    t.throws(() => findCaller(keys, damaged), /damaged/, damaged)
  t.throws(() => findCaller(keys, mine.key, Date.parse('2099-01-01T00:00:00Z')), /expired/)
  t.match(findCaller(keys, mine.key, Date.parse('2098-12-31T23:59:59.999Z')), { name: 'kpi' })
})

t.test('two keys of one name overlap while one takes the place of the other', async (t) => {
  const [old, young] = [createKey(), createKey()]
  const keys = parseKeys(
    JSON.stringify({
      keys: [
        entryOf('kpi', old, ['metrics:read'], '2026-02-01'),
        entryOf('kpi', young, ['metrics:read'], '2027-02-01'),
      ],
    }),
  )
  const at = Date.parse('2026-01-15T00:00:00Z')
  t.strictSame([findCaller(keys, old.key, at).name, findCaller(keys, young.key, at).name], ['kpi', 'kpi'])
  const later = Date.parse('2026-02-01T00:00:00Z')
  t.throws(() => findCaller(keys, old.key, later), /expired/)
  t.equal(findCaller(keys, young.key, later).name, 'kpi')
})

t.test('a file that is not right is refused with every problem, and without what stands in it', async (t) => {
  const { key, hash } = createKey()
  const good = { name: 'a', sha256: hash, scopes: ['metrics:read'], expires: '2030-01-01' }
  const refused = (content: unknown, pattern: RegExp) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    try {
      parseKeys(text)
      t.fail(text)
    } catch (error) {
      t.match((error as Error).message, pattern)
      t.notMatch((error as Error).message, hash.slice(0, 8))
      t.notMatch((error as Error).message, key.slice(0, 20))
    }
  }
  for (const text of ['', 'null', '[]', '{}', '{"keys": {}}', JSON.stringify({ keys: [], more: 1 }), key])
    refused(text, /one member, a list called keys/)
  refused(`keys:\n  - {name: a, sha256: "${hash}`, /line \d is not valid YAML or JSON/)
  refused(`{"keys": [{"name": "${key}" "x"}]}`, /line 1 is not valid YAML or JSON/)
  refused({ keys: [good, { ...good, name: 'b' }] }, /number 2 \(b\) has the hash of number 1 \(a\)/)
  refused({ keys: [{ ...good, sha256: key }] }, /the key itself/)
  refused({ keys: [{ ...good, name: key }] }, /number 1 needs a name/)
  refused({ keys: [{ ...good, sha256: hash.toUpperCase() }] }, /needs sha256/)
  refused({ keys: [{ ...good, scopes: ['attempts:write'] }] }, /needs scopes/)
  refused({ keys: [{ ...good, scopes: [] }] }, /needs scopes/)
  refused({ keys: [{ ...good, scope: 'x' }] }, /members other than/)
  refused(
    { keys: [{}, 1] },
    new RegExp(
      [...['name', 'sha256', 'scopes', 'expires'].map((one) => `number 1 needs (a )?${one}`), 'number 2'].join('.*'),
    ),
  )
  for (const expires of ['never', '2027-02-30', '2027-1-1', 1798761600, '2027-01-01T00:00:00', undefined])
    refused({ keys: [{ ...good, expires }] }, /needs expires/)
  t.equal(
    parseKeys(
      `# rotated in spring\nkeys:\n  - name: a\n    sha256: "${hash}"\n` +
        '    scopes: [attempts:read, metrics:read]\n    expires: 2027-01-01\n',
    ).length,
    1,
    'YAML',
  )
  t.equal(readMoment('2027-01-01T09:00:00+09:00'), readMoment('2027-01-01'))
})

t.test('the file is followed: written in parts, swapped by links, broken, gone', async (t) => {
  const place = folder(t)
  const [first, second, third] = [createKey(), createKey(), createKey()]
  const list = (...keys: ReturnType<typeof createKey>[]) =>
    JSON.stringify({ keys: keys.map((key, index) => entryOf(`key-${index}`, key, ['metrics:read'])) })
  const lines: string[] = []
  const log = {
    info: (object: object, message: string) => {
      lines.push(`info ${message} ${JSON.stringify(object)}`)
    },
    error: (object: object, message: string) => {
      lines.push(`error ${message} ${JSON.stringify(object)}`)
    },
  }
  // as Kubernetes mounts a secret: keys.json -> ..data/keys.json, ..data -> a folder, and a new folder takes its place
  const version = (name: string, text: string) => {
    mkdirSync(join(place, name))
    writeFileSync(join(place, name, 'keys.json'), text)
    symlinkSync(name, join(place, '..data_new'))
    renameSync(join(place, '..data_new'), join(place, '..data'))
  }
  version('..1', list(first))
  const file = join(place, 'keys.json')
  symlinkSync(join('..data', 'keys.json'), file)
  await t.rejects(
    loadKeyFile(join(place, 'none.json')),
    /API_KEYS_FILE=.*none.json is invalid: there is no such file \(ENOENT\)/,
  )
  writeFileSync(join(place, 'broken.json'), '{')
  await t.rejects(
    loadKeyFile(join(place, 'broken.json')),
    /API_KEYS_FILE=.*broken.json is invalid: line 1 is not valid YAML or JSON/,
  )
  const keys = await loadKeyFile(file, 20)
  t.teardown(() => {
    keys.close()
  })
  keys.follow(log)
  const known = () => keys.keys().map(({ hash }) => hash.toString('hex'))
  t.strictSame(known(), [first.hash])
  version('..2', list(first, second))
  await until(() => known().length === 2)
  t.match(lines.at(-1), /info API_KEYS_FILE has changed: its keys are in force {"keys":\["key-0","key-1"\]}/)

  // one who writes without end, between any two looks: a text is taken only when it stays
  let writing = true
  const write = (round: number) => {
    writeFileSync(join(place, '..2', 'keys.json'), `# ${round}\n${list(third)}`)
    if (writing) setImmediate(write, round + 1)
  }
  write(0)
  await new Promise((done) => setTimeout(done, 300))
  t.strictSame(known(), [first.hash, second.hash], 'the previous keys stay in force while the file is being written')
  writing = false
  await until(() => known().length === 1)
  version('..5', list(first, second))
  await until(() => known().length === 2)

  const before = lines.length
  version('..3', list(third).slice(0, 60))
  await until(() => lines.slice(before).some((line) => line.startsWith('error')))
  t.strictSame(known(), [first.hash, second.hash], 'the previous keys stay in force')
  const said = lines.length
  await new Promise((done) => setTimeout(done, 200))
  t.equal(lines.length, said, 'and it is told once')
  rmSync(join(place, '..data'))
  await until(() => lines.some((line) => line.includes('ENOENT')))
  t.strictSame(known(), [first.hash, second.hash])
  version('..4', list(third))
  await until(() => known()[0] === third.hash && known().length === 1)
  t.match(lines.at(-1), /^info/)
  for (const { key, hash } of [first, second, third])
    t.notMatch(lines.join('\n'), new RegExp(`${key.slice(12)}|${hash.slice(0, 12)}`))
})

t.test('the command line makes keys that the file takes', async (t) => {
  const run = (...args: string[]) => command(['key', ...args])
  const made = await run(
    'create',
    '--name',
    'kpi',
    '--scope',
    'aggregates:read',
    '--scope',
    'metrics:read',
    '--expires',
    '2099-01-01',
  )
  t.equal(made.status, 0, made.stderr)
  const key = /^attempt_key_\w+$/m.exec(made.stdout)?.[0] as string
  const entry = /^{.*}$/m.exec(made.stdout)?.[0] as string
  const file = join(folder(t), 'keys.yaml')
  writeFileSync(file, `keys:\n  - ${entry}\n`)
  t.match(findCaller(parseKeys(`{"keys": [${entry}]}`), key), { name: 'kpi' })
  t.equal(made.stdout.split(key).length, 2, 'the key is there once')
  const checked = await run('check', file)
  t.match(checked, { status: 0, stdout: /kpi\s+aggregates:read metrics:read\s+2099-01-01T00:00:00.000Z/ })
  t.notMatch(checked.stdout, new RegExp(key))
  writeFileSync(file, `keys:\n  - ${entry.replace('kpi', 'k p i')}\n`)
  t.match(await run('check', file), { status: 1, stderr: /^attempt-api: \S+ is invalid: number 1 needs a name.*\n$/ })
  for (const [args, said] of [
    [['create'], /--name/],
    [['create', '--name', 'a'], /--scope/],
    [['create', '--name', 'a', '--scope', 'all'], /--scope/],
    [['create', '--name', 'a', '--scope', 'metrics:read', '--expires', '2020-01-01'], /--expires/],
    [['check'], /API_KEYS_FILE/],
    [['drop'], /create, check/],
  ] as const) {
    t.match(await run(...args), { status: 2, stderr: said }, args.join(' '))
  }
})
