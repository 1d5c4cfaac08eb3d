/**
 * Folder arrows point one way. `layers` lists what stands above what: a file may import its own layer and those below.
 * Type-only imports count, and no circle is allowed, within a folder either.
 */
const layers = [
  ['src/cli/'],
  ['src/development/'],
  ['src/server.ts'],
  ['src/app.ts'],
  ['src/plugins/', 'src/routes/'],
  ['src/http/'],
  ['src/services.ts'],
  ['src/schemas/'],
  ['src/observability/'],
  ['src/health/'],
  ['src/queries/'],
  ['src/store/'],
  ['src/migrate/'],
  ['src/measures.ts'],
  ['src/relations.ts'],
  ['src/contract/'],
  ['src/database/'],
  ['src/formats/', 'src/irt/', 'src/access/'],
  ['src/config.ts', 'src/config/', 'src/errors.ts', 'src/version.ts', 'migrations/'],
]

const pattern = (paths) => `^(${paths.map((path) => path.replace('.', '\\.')).join('|')})`

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    ...layers.slice(1).map((layer, index) => ({
      name: `not-above-${layer[0].replace(/^src\/|\/$/g, '')}`,
      comment: `${layer.join(', ')} may not import what stands above`,
      severity: 'error',
      from: { path: pattern(layer) },
      to: { path: pattern(layers.slice(0, index + 1).flat()) },
    })),
    {
      name: 'every-file-has-a-layer',
      comment: 'a new folder needs its place in the list of layers',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: pattern(layers.flat()) },
      to: {},
    },
    {
      name: 'migrations-import-nothing-of-ours',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^src/' },
    },
    {
      name: 'production-imports-no-test',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
