import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { EXPORT_FORMATS, type exportLog as ExportLog, type ExportOptions } from '../../src/export/index.js'
import type { AuditStore } from '../../src/store/contract.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { sealedEntries, sealedEntry } from '../../src/testing/index.js'
import { filled, readerOf } from '../reader/reader-of.js'
import { sharedBuild } from '../support/build.js'
import { bytesOf, HOSTILE_TEXTS, SAMPLE_TYPES, sampleEvent } from './samples.js'

// Exports of the built package: its worker threads begin with files of it.
const dist = await sharedBuild()
let exportLog: typeof ExportLog

beforeAll(async () => {
  exportLog = (await import(pathToFileURL(join(dist, 'export/index.js')).href)).exportLog
})

const CONVERTED = EXPORT_FORMATS.filter((format) => format !== 'jsonl')

/** Every type, hostile texts, and enough entries for several groups. */
async function variedStore(): Promise<AuditStore> {
  const samples = SAMPLE_TYPES.map((type) => sealedEntry(sampleEvent(type)))
  const hostile = HOSTILE_TEXTS.map((text) => sealedEntry({ sessionId: text, data: { name: text, 1: [text] } }))
  const filler = (n: number) => ({ sessionId: `s-${n % 7}`, data: { name: 'x'.repeat(n % 3000) } })
  return await filled(memoryStore(), [samples, hostile, sealedEntries(1500, filler)])
}

function withBytes(text: string) {
  const bytes = Buffer.from(text)
  return { ...sealedEntry(), bytes, byteLength: bytes.length }
}

describe('an export on several threads', () => {
  test.each(CONVERTED)('is as %s what one thread writes, byte for byte', async (format) => {
    const log = readerOf(await variedStore())
    const options: ExportOptions = { format, ...(format === 'otlp' && { recordsPerRequest: 7 }) }
    const one = exportLog(log, { ...options, threads: 1 })
    const several = exportLog(log, { ...options, threads: 3 })
    const bytes = await bytesOf(one)
    expect(Buffer.compare(await bytesOf(several), bytes)).toBe(0)
    expect(bytes.length).toBeGreaterThan(5_000)
    const { events, firstSeq, lastSeq, afterSeq, size } = one
    expect(several).toMatchObject({ events, firstSeq, lastSeq, afterSeq, size })
    expect(events).toBe(size)
  })

  test('is as OCSF 1.9.0, which tells leaf hashes, what one thread writes', async () => {
    const log = readerOf(await variedStore())
    const options = { format: 'ocsf', ocsfVersion: '1.9.0' } as const
    const bytes = await bytesOf(exportLog(log, { ...options, threads: 1 }))
    expect(Buffer.compare(await bytesOf(exportLog(log, { ...options, threads: 3 })), bytes)).toBe(0)
    expect(bytes.toString()).toContain('attestation_list')
  })

  test.each(CONVERTED)('is as %s of a filter, a limit and nothing at all the same', async (format) => {
    const log = readerOf(await variedStore())
    for (const query of [{ sessionId: 's-3' }, { sessionId: 's-4', limit: 11 }, { sessionId: 'nobody' }]) {
      const one = exportLog(log, { format, query, threads: 1 })
      const several = exportLog(log, { format, query, threads: 2 })
      expect(Buffer.compare(await bytesOf(several), await bytesOf(one))).toBe(0)
      expect([several.events, several.afterSeq]).toEqual([one.events, one.afterSeq])
    }
  })

  test.each([1, 2])('says of an entry that holds no event what the reader says, on %i', async (threads) => {
    const groups = [sealedEntries(2000, () => ({ data: { name: 'x'.repeat(500) } })), [withBytes('[1]')]]
    const log = readerOf(await filled(memoryStore(), groups))
    const exported = exportLog(log, { format: 'ocsf', threads })
    let lines = 0
    const reading = async () => {
      for await (const chunk of exported) lines += Buffer.from(chunk).toString().split('\n').length - 1
    }
    await expect(reading()).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('entry 2000 does not hold a JSON object'),
    })
    expect(lines).toBe(exported.events)
    expect(lines).toBeGreaterThan(0)
  })

  test('leaves no thread behind, when it is whole and when its consumer has enough', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spanledger-'))
    try {
      const log = await openAuditLog(join(folder, 'audit'))
      for (let n = 0; n < 3000; n++) log.record({ type: 'custom', data: { name: 'x'.repeat(500) } })
      await log.close()
      const script = `
        const [dist, location] = process.argv.slice(1)
        const { openAuditLogReader } = await import(dist + '/reader/index.js')
        const { exportLog } = await import(dist + '/export/index.js')
        const log = await openAuditLogReader(location)
        const all = exportLog(log, { format: 'csv', threads: 2 })
        for await (const _ of all);
        for await (const _ of exportLog(log, { format: 'csv', threads: 2 })) break
        await log.close()
        console.log(all.events)`
      const args = ['--input-type=module', '-e', script, pathToFileURL(dist).href, join(folder, 'audit')]
      expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })).toBe('3000\n')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('refuses a number of threads that is none', () => {
    const log = readerOf(memoryStore())
    for (const threads of [0, 65, 1.5, '2']) {
      expect(() => exportLog(log, { format: 'csv', threads: threads as number })).toThrow('threads must be')
    }
  })
})
