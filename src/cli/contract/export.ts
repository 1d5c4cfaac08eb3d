import { attemptV1 } from '../../contract/attempt-v1.js'
import { odcsDocument } from '../../contract/odcs.js'
import { defineCommand } from '../command.js'

export const exportContract = defineCommand({
  examples: [
    ['attempt-api contract export > attempt.odcs.yaml', 'save the contract for a data catalog'],
    ['attempt-api contract export | less', 'read it'],
  ],
  description: 'Needs no database.',
  options: {},
  exits: { 0: 'printed' },
  run() {
    process.stdout.write(odcsDocument(attemptV1))
    return Promise.resolve(0)
  },
})
