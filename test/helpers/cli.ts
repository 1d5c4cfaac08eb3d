/** The command line as production runs it: compiled, which test/run.ts sees to, and so started in a third of the time. */
export const cli = ['dist/src/cli/main.js']
