import type { AuditEvent, StoredEvent } from '../../src/events/types.js'
import { type AuditLogReader, createReader } from '../../src/reader/index.js'
import type { AuditStore, SealedEntry } from '../../src/store/contract.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { sealedEntry } from '../../src/testing/index.js'

/** Opens a store and commits groups of entries to it. */
export async function filled(store: AuditStore, groups: readonly (readonly SealedEntry[])[]): Promise<AuditStore> {
  await store.open()
  for (const group of groups) if (group.length > 0) await store.commit(group)
  return store
}

export function readerOf(store: AuditStore, eventTypes: readonly string[] = []): AuditLogReader {
  return createReader(store, { barrier: async () => {}, eventTypes })
}

/** A reader over a log of these events. */
export async function readerOfEvents(...events: readonly Partial<AuditEvent>[]): Promise<AuditLogReader> {
  return readerOf(await filled(memoryStore(), [events.map(sealedEntry)]))
}

/** An event of a type that needs no check against its schema: what a newer version or `record()` may have stored. */
export function unchecked(event: Readonly<Record<string, unknown>>): Partial<AuditEvent> {
  return event as Partial<AuditEvent>
}

export function seqsOf(events: readonly StoredEvent[]): number[] {
  return events.map(({ seq }) => seq)
}
