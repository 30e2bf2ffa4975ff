import { openSpanledger } from './spanledger.mjs'

/** Without the journal, so with no more than a peer promises: durable when it says so, and nothing before. */
export function open(directory) {
  return openSpanledger(directory, { durability: 'flush-only' })
}
