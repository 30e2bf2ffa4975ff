import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject } from 'vitest'
import { fileKeysOf } from '../../../src/content/keys/options.js'
import type { StoredEvent } from '../../../src/events/types.js'
import { createReader } from '../../../src/reader/index.js'
import { type PostgresStore, postgresStore } from '../../../src/store/postgres/index.js'
import { hashLeaf, TreeFrontier } from '../../../src/tree/index.js'

/** The keys of the content that processes record. */
export const contentKeys = { directory: mkdtempSync(join(tmpdir(), 'spanledger-keys-')) }
afterAll(() => rmSync(contentKeys.directory, { recursive: true, force: true }))

/** What a writer's process was told to be stored: position by number. */
export type Acknowledged = Map<number, number>

export interface WriterProcess {
  readonly acknowledged: Acknowledged
  /** How many it was told by now, as an event. */
  readonly child: ChildProcess
  readonly exited: Promise<unknown>
}

export function startWriter(
  url: string,
  logId: string,
  name: string,
  { first = 0, count }: { first?: number; count: number },
): WriterProcess {
  const args = [inject('dist'), url, logId, name, `${first}`, `${count}`]
  const env = { ...process.env, SPANLEDGER_CONTENT_KEYS: contentKeys.directory }
  const child = fork(join(import.meta.dirname, 'writer.mjs'), args, { stdio: 'inherit', env })
  const acknowledged: Acknowledged = new Map()
  child.on('message', (stored) => {
    for (const [n, seq] of stored as [number, number][]) acknowledged.set(n, seq)
  })
  return { acknowledged, child, exited: once(child, 'exit') }
}

/** Waits until a writer was told of so many. */
export async function untilAcknowledged({ acknowledged, child }: WriterProcess, count: number): Promise<void> {
  while (acknowledged.size < count) await once(child, 'message')
}

/** Every entry of a log, after its tree was recomputed from them. */
export async function verifiedEvents(url: string, logId: string): Promise<StoredEvent[]> {
  const store = postgresStore({ connectionString: url, logId })
  await store.openForReading()
  try {
    const leaves: Uint8Array[] = []
    for await (const chunk of store.entries({ from: 0, to: store.size, reverse: false })) {
      for (const { bytes } of chunk) leaves.push(hashLeaf(bytes))
    }
    const { frontier } = TreeFrontier.empty.append(leaves)
    expect(Buffer.from(store.root)).toEqual(Buffer.from(frontier.root))
    return await eventsOf(store)
  } finally {
    await store.close()
  }
}

async function eventsOf(store: PostgresStore): Promise<StoredEvent[]> {
  const keys = fileKeysOf(contentKeys, { of: 'test', location: undefined, use: 'reading' })
  const reader = createReader(store, { barrier: async () => {}, eventTypes: [], contentKeys: () => keys })
  const events = await reader.events({ content: 'all' }).toArray()
  expect(events.map(({ seq }) => seq)).toEqual([...events.keys()])
  // No entry promises content that is not there.
  for (const { content, data } of events) {
    const { n, note } = data as { readonly n?: number; readonly note?: string }
    if (content !== undefined) expect(note).toMatch(new RegExp(`^note ${n} of `))
  }
  // The indexes have them all too.
  for (const sessionId of new Set(events.map((event) => event.sessionId))) {
    const found = events.filter((event) => event.sessionId === sessionId)
    expect(await reader.events({ sessionId }).count()).toBe(found.length)
  }
  return events
}

/** The numbers that the events of one writer have, in their order. */
export function numbersOf(events: readonly StoredEvent[], name: string): number[] {
  return events
    .filter((event) => event.sessionId === name && event.type === 'custom')
    .map((event) => (event.data as unknown as { n: number }).n)
}

/** Asserts that each number is stored once, and those that were acknowledged where they were said to be. */
export function expectExactlyOnce(events: readonly StoredEvent[], name: string, acknowledged: Acknowledged): void {
  const numbers = numbersOf(events, name)
  expect(new Set(numbers).size).toBe(numbers.length)
  for (const [n, seq] of acknowledged) {
    const event = events[seq]
    expect(event && [event.sessionId, (event.data as unknown as { n: number }).n]).toEqual([name, n])
  }
}
