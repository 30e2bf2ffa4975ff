import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SealedContent, SealedEntry } from '../../store/contract.js'
import { sealedEntry } from '../../testing/index.js'
import { MAX_SECTION_BYTES, readSection, sectionBytes, sectionEnd, writeSection } from './content-section.js'
import { Journal } from './journal.js'
import { HEAD_BYTES, segmentName } from './journal-format.js'
import { JournalKey } from './journal-key.js'
import { JournalReplay, type JournalReplayOptions } from './journal-replay.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

const items = fc.array(
  fc.record({
    field: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  { minLength: 1, maxLength: 8 },
)

function withContent(id: string, content: readonly SealedContent[]): SealedEntry {
  return { ...sealedEntry({ id }), content }
}

describe('a section of content', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(items, fc.nat(20), (given, at) => {
        const content = given.map(({ field, bytes }) => ({ field: field.toWellFormed(), bytes }))
        const memory = Buffer.alloc(at + sectionBytes(content) + 7, 0xee)
        writeSection(content, memory, at)
        const end = sectionEnd(memory, at)
        expect(end).toBe(at + sectionBytes(content))
        const read = readSection(memory, at, end as number)
        expect(read?.map(({ field, bytes }) => [field, [...bytes]])).toEqual(
          content.map(({ field, bytes }) => [field, [...bytes]]),
        )
      }),
    )
  })

  test('that was altered at any bit is none', () => {
    const content = [{ field: 'data.reason', bytes: Buffer.from('sealed') }]
    const memory = Buffer.alloc(sectionBytes(content))
    writeSection(content, memory, 0)
    for (let bit = 0; bit < memory.length * 8; bit++) {
      const altered = Buffer.from(memory)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      const end = sectionEnd(altered, 0)
      const isWhole = end === altered.length && readSection(altered, 0, end) !== undefined
      expect(isWhole).toBe(false)
    }
  })

  test('of any bytes is read, or is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const memory = Buffer.from(bytes)
        const end = sectionEnd(memory, 0)
        if (end !== undefined && end <= memory.length) readSection(memory, 0, end)
        if (end !== undefined) expect(end).toBeLessThanOrEqual(Math.max(MAX_SECTION_BYTES, memory.length + 1))
      }),
    )
  })
})

describe('records with content', () => {
  const content: readonly SealedContent[] = [
    { field: 'data.error.message', bytes: Buffer.from('one that is sealed') },
    { field: 'data.reason', bytes: Buffer.alloc(0) },
  ]
  const key = new JournalKey(Buffer.alloc(32, 1)).forLog('log')

  function write(entries: readonly SealedEntry[], mac: JournalReplayOptions['mac']): void {
    const journal = new Journal({ directory, segment: 1, after: 0, oldest: 1, bootId: '', mac })
    for (const entry of entries) journal.append(entry)
    journal.close()
  }

  function replayed(mac: JournalReplayOptions['mac'], onDamage: 'refuse' | 'discard' = 'refuse') {
    const options = { directory, from: undefined, closedInOrder: false, bootId: '', location: 'test' } as const
    const replay = new JournalReplay({ ...options, onDamage, mac })
    const found = [...replay.entries()].map(({ entry }) => [
      entry.event.id,
      entry.content?.map(({ field, bytes }) => [field, Buffer.from(bytes).toString()]),
    ])
    return { found, replay }
  }

  const expected = content.map(({ field, bytes }) => [field, Buffer.from(bytes).toString()])

  test.each([
    ['with a journal key', key],
    ['without one', undefined],
  ])('are replayed with it (%s), and those of a torn end not at all', (_, mac) => {
    const whole = [withContent('a', content), sealedEntry({ id: 'b' }), withContent('c', content)]
    write(whole, mac)
    expect(replayed(mac).found).toEqual([
      ['a', expected],
      ['b', undefined],
      ['c', expected],
    ])
    const path = join(directory, segmentName(1))
    const bytes = readFileSync(path)
    const lastStart = bytes.lastIndexOf('{"v":')
    for (let end = bytes.length - 1; end > lastStart - 50; end--) {
      truncateSync(path, end)
      const { found, replay } = replayed(mac)
      expect(found).toEqual([
        ['a', expected],
        ['b', undefined],
      ])
      expect(replay.gaps).toEqual([])
      writeFileSync(path, bytes.subarray(0, end))
    }
  })

  test('are damage as a whole when their content is damaged', () => {
    write([withContent('a', content), sealedEntry({ id: 'b' })], undefined)
    const path = join(directory, segmentName(1))
    const bytes = readFileSync(path)
    const at = bytes.indexOf('one that is sealed')
    const descriptor = openSync(path, 'r+')
    writeSync(descriptor, 'ONE', at)
    closeSync(descriptor)
    expect(() => replayed(undefined)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_CORRUPT' }))
    const { found, replay } = replayed(undefined, 'discard')
    expect(found).toEqual([['b', undefined]])
    expect(replay.gaps).toMatchObject([{ reason: 'journal_damaged' }])
  })

  test('from which somebody took the content are not attested', () => {
    write([withContent('a', content)], key)
    const path = join(directory, segmentName(1))
    const bytes = readFileSync(path)
    bytes[HEAD_BYTES] = (bytes[HEAD_BYTES] as number) & ~0x40
    writeFileSync(path, bytes.subarray(0, bytes.indexOf('data.error.message') - 10))
    const { found } = replayed(key, 'discard')
    expect(found).toEqual([])
  })
})
