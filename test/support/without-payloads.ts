import { contentFields } from '../../src/events/content-fields.js'
import type { StoredEvent } from '../../src/events/index.js'

/** Returns the data of an event without arguments, results and messages, which a log takes out before it records the event. */
export function withoutPayloads({ type, data }: Pick<StoredEvent, 'type' | 'data'>): object {
  const payloads = (contentFields.get(type) ?? []).filter((field) => field.class === 'payload')
  return { ...data, ...Object.fromEntries(payloads.map(({ path: [name] }) => [name, undefined])) }
}
