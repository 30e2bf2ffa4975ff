import { join } from 'node:path'
import { rowOf } from './sql.mjs'

const BATCH = 64

/** Signed tree, no indexes. It does not fsync an append. */
export async function open(directory) {
  const { default: Hypercore } = await import('hypercore')
  const core = new Hypercore(join(directory, 'core'))
  await core.ready()
  return {
    async put(events) {
      for (let at = 0; at < events.length; at += BATCH) {
        await core.append(events.slice(at, at + BATCH).map((event) => rowOf(event)[6]))
      }
    },
    durable() {},
    close: () => core.close(),
  }
}
