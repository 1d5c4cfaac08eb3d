import { rebuild as emptyStore } from '../../store/fill.js'
import { defineCommand, print } from '../command.js'
import { onStore, requireStore, storeExits, withSessions } from './connections.js'

export const rebuild = defineCommand({
  examples: [
    ['attempt-api store rebuild', 'mark the store as empty; a running service fills it again'],
    ['attempt-api store rebuild && attempt-api store refresh --once', 'fill it again and wait until it is ready'],
  ],
  description: `
    A refresher (in the service, or attempt-api store refresh) empties the store and fills it again from the view.
    Until the store is ready, requests read the view. Needed after partitions of exam_results were attached, detached,
    dropped or truncated one by one, because this fires no trigger.`,
  options: {},
  exits: storeExits,
  run(_options, { config }) {
    return onStore(config(), async (connections) => {
      await requireStore(connections)
      await withSessions(connections, ({ store }) => emptyStore(store))
      print(
        'Requests read the view from now on. A refresher (the service, or attempt-api store refresh) empties the ' +
          'store and fills it again.',
      )
      return 0
    })
  },
})
