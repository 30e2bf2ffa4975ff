import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { bytesOf, each, HOSTILE_TEXTS, linesOf, sampleEvent } from '../../test/export/samples.js'
import { filled, readerOf } from '../../test/reader/reader-of.js'
import { openAuditLog } from '../audit-log/index.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import type { AuditStore } from '../store/contract.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries, sealedEntry } from '../testing/index.js'
import { EXPORT_FORMATS } from './contract.js'
import { encodeEntries, encodeEvents } from './encode.js'
import { exportLog } from './export-log.js'

describe('exportLog', () => {
  test('gives JSON Lines whose bytes are those that the leaf hashes are of', async () => {
    const log = await openAuditLog({ store: memoryStore() })
    const hashes: string[] = []
    for (const name of [...HOSTILE_TEXTS, 'x'.repeat(60_000), '\ud800']) {
      const data = { name, 2: 'b', 1: 'a', __proto__: { [name]: -0 }, nested: [null, 1e21, name] }
      log.record({ type: 'custom', runId: name, sessionId: name, data })
      const { leafHash } = await log.append({ type: 'custom', data: { name } })
      hashes.push(Buffer.from(leafHash).toString('hex'))
    }
    const entries = await log.entries().toArray()
    const lines = await linesOf(exportLog(log, { format: 'jsonl' }))
    expect(lines).toEqual(entries.map(({ bytes }) => Buffer.from(bytes).toString()))
    const leafHashOf = (line: string) => createHash('sha256').update('\0').update(line).digest('hex')
    expect(lines.map(leafHashOf).filter((_, seq) => seq % 2 === 1)).toEqual(hashes)
    await log.close()
  })

  test('gives OCSF 1.9.0 with the leaf hash of each entry and the origin of the log', async () => {
    const signer = Ed25519Signer.generate('log.example')
    const log = await openAuditLog({ store: memoryStore(), signer })
    const { leafHash } = await log.append({ type: 'custom', data: { name: 'x' } })
    await log.checkpoint()
    const [line = ''] = await linesOf(exportLog(log, { format: 'ocsf', ocsfVersion: '1.9.0' }))
    expect(JSON.parse(line)).toMatchObject({
      metadata: { version: '1.9.0' },
      attestation_list: [
        { uid: '0', chain_uid: signer.name, fingerprint: { value: Buffer.from(leafHash).toString('hex') } },
      ],
    })
    const [older = ''] = await linesOf(exportLog(log, { format: 'ocsf' }))
    expect(JSON.parse(older)).toMatchObject({ metadata: { version: '1.8.0' } })
    expect(older).not.toContain('attestation')
    await log.close()
  })

  test('ends where the log ended when it began, and says where the next one goes on', async () => {
    const store = await filled(memoryStore(), [sealedEntries(300)])
    const log = readerOf(store)
    const first = exportLog(log, { format: 'events' })
    const seqs: number[] = []
    for await (const chunk of first) {
      for (const line of Buffer.from(chunk).toString().trimEnd().split('\n')) seqs.push(JSON.parse(line).seq)
      await store.commit([sealedEntry()])
    }
    expect(seqs).toEqual(Array.from({ length: 300 }, (_, seq) => seq))
    expect(first).toMatchObject({ events: 300, firstSeq: 0, lastSeq: 299, afterSeq: 299, size: 300 })

    const added = store.size - 300
    const second = exportLog(log, { format: 'events', query: { afterSeq: first.afterSeq } })
    expect(await linesOf(second)).toHaveLength(added)
    expect(second.afterSeq).toBe(store.size - 1)
    const third = exportLog(log, { format: 'csv', query: { afterSeq: second.afterSeq } })
    expect(await linesOf(third)).toHaveLength(1)
    expect(third).toMatchObject({ events: 0, lastSeq: undefined, afterSeq: store.size - 1 })
  })

  test('goes on behind the last event after a limit, and behind all that was looked through after a filter', async () => {
    const log = readerOf(await filled(memoryStore(), [sealedEntries(50, (n) => ({ sessionId: n < 20 ? 'a' : 'b' }))]))
    const limited = exportLog(log, { format: 'jsonl', query: { sessionId: 'a', limit: 5 } })
    expect(await linesOf(limited)).toHaveLength(5)
    expect(limited.afterSeq).toBe(4)
    const filtered = exportLog(log, { format: 'jsonl', query: { sessionId: 'a' } })
    expect(await linesOf(filtered)).toHaveLength(20)
    expect(filtered.afterSeq).toBe(49)
    const ahead = exportLog(log, { format: 'jsonl', query: { afterSeq: 90, beforeSeq: 95 } })
    expect(await linesOf(ahead)).toEqual([])
    expect(ahead.afterSeq).toBe(90)
  })

  test.each(EXPORT_FORMATS)('reads no more of a log as %s than its consumer takes', async (format) => {
    const store = await manyEntries()
    let read = 0
    const counting: AuditStore = Object.setPrototypeOf(
      {
        async *entries(walk: Parameters<AuditStore['entries']>[0]) {
          for await (const chunk of store.entries(walk)) {
            read += chunk.length
            yield chunk
          }
        },
      },
      store,
    )
    const chunks = exportLog(readerOf(forwarding(store, counting)), { format })
    expect(read).toBe(0)
    for await (const chunk of Readable.from(chunks, { highWaterMark: 1 })) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(25_000)
  })

  test('says what is wrong before anything is read', () => {
    const log = readerOf(memoryStore())
    const attempt = (options: object) => () => exportLog(log, options as never)
    expect(attempt({ format: 'cvs' })).toThrow(
      new TypeError(`exportLog: format must be one of ${EXPORT_FORMATS.join(', ')}; did you mean 'csv'?`),
    )
    expect(attempt({ format: 'csv', quer: {} })).toThrow("did you mean 'query'?")
    expect(attempt({ format: 'csv', query: { order: 'desc' } })).toThrow('append order')
    expect(attempt({ format: 'csv', query: { limit: 0 } })).toThrow(
      expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }),
    )
    expect(attempt({ format: 'csv', source: 'urn:a' })).toThrow("source is an option of the format 'cloudevents' only")
    expect(attempt({ format: 'cloudevents', source: 'my log' })).toThrow('URI reference')
    expect(attempt({ format: 'csv', ocsfVersion: '1.9.0' })).toThrow("an option of the format 'ocsf' only")
    expect(attempt({ format: 'ocsf', ocsfVersion: '1.7.0' })).toThrow('one of 1.8.0, 1.9.0')
    expect(attempt({ format: 'otlp', recordsPerRequest: 0 })).toThrow('from 1 to 10000')
  })

  test('can be iterated once', async () => {
    const log = readerOf(await filled(memoryStore(), [sealedEntries(1)]))
    const once = exportLog(log, { format: 'jsonl' })
    await bytesOf(once)
    await expect(bytesOf(once)).rejects.toThrow('iterated once')
  })
})

describe('encodeEntries', () => {
  test('refuses an entry of more than one line', async () => {
    const bytes = Buffer.from('{"a":\n1}')
    await expect(bytesOf(encodeEntries(each([{ seq: 4, bytes }])))).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('Entry 4'),
    })
  })

  test('hands on chunks that it does not touch again', async () => {
    const entries = Array.from({ length: 40 }, (_, seq) => ({
      seq,
      bytes: Buffer.alloc(seq % 7 === 0 ? 70_000 : 9_000, `${seq % 10}`),
    }))
    const chunks: Uint8Array[] = []
    for await (const chunk of encodeEntries(each(entries))) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe(entries.map(({ bytes }) => `${bytes}\n`).join(''))
  })
})

describe('encodeEvents', () => {
  test('writes what comes from anywhere', async () => {
    const lines = await linesOf(encodeEvents(each([sampleEvent('resumed')]), { format: 'events' }))
    expect(lines.map((line) => JSON.parse(line))).toEqual([sampleEvent('resumed')])
  })

  test('has no bytes for jsonl', () => {
    expect(() => encodeEvents(each([]), { format: 'jsonl' as never })).toThrow('encodeEntries')
  })
})

let many: Promise<AuditStore> | undefined

function manyEntries(): Promise<AuditStore> {
  many ??= filled(memoryStore(), [sealedEntries(30_000)])
  return many
}

/** A store whose methods keep their receiver, but for those given. */
function forwarding(store: AuditStore, given: AuditStore): AuditStore {
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(given, name)) return Reflect.get(given, name)
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
