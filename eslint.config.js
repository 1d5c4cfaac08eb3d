import tseslint from 'typescript-eslint'

export default tseslint.config(
  // alone in its object, or it would ignore nothing
  { ignores: ['dist/', 'dist-test/', 'test/*/node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'configuration is read in src/config.ts',
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    // what only the types can tell: a promise that nobody waits for takes the process down when it fails
    files: ['src/**/*.ts', 'migrations/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  {
    // Prettier does not break strings, comments and templates
    files: ['src/**/*.ts', 'migrations/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'openapi/**/*.ts'],
    ignores: ['src/contract/golden/**', 'src/contract/installed/**'],
    rules: { 'max-len': ['error', { code: 120, ignoreUrls: true }] },
  },
  {
    // the ledger keeps a hash of the SQL of migrations, so that it stays as it is; mutants are made of pieces of SQL
    files: ['migrations/**/*.ts', 'test/mutants/**/*.ts'],
    rules: { 'max-len': ['error', { code: 120, ignoreUrls: true, ignoreTemplateLiterals: true }] },
  },
  {
    // a longer file usually owns more than one thing; a warning, because a list of rows may be as long as it is
    files: ['src/**/*.ts'],
    rules: { 'max-lines': ['warn', 400] },
  },
  {
    files: ['src/config.ts', 'src/development/embedded.ts', 'test/**', 'bench/**'],
    rules: {
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
)
