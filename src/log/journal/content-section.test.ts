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

/** An entry that promises its content, as the log seals it. */
function withContent(id: string, content: readonly SealedContent[]): SealedEntry {
  const items = content.map(({ field, bytes }) => ({
    field,
    class: 'diagnostic' as const,
    digest: `keyed-sha256:${'0'.repeat(64)}`,
    bytes: bytes.length,
    level: 'content' as const,
  }))
  return { ...sealedEntry({ id, content: { key: 'f'.repeat(32), items } }), content }
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

  test('from which somebody took the content, or in which they put other content, are not recovered', () => {
    write([withContent('a', content)], key)
    const path = join(directory, segmentName(1))
    const bytes = readFileSync(path)
    const start = bytes.lastIndexOf('data.error.message') - 10
    const taken = Buffer.from(bytes.subarray(0, start))
    taken[HEAD_BYTES] = (taken[HEAD_BYTES] as number) & ~0x40
    writeFileSync(path, taken)
    expect(replayed(key, 'discard').found).toEqual([])
    const other = content.map(({ field, bytes: { length } }) => ({ field, bytes: Buffer.alloc(length, 'x') }))
    const exchanged = Buffer.from(bytes)
    writeSection(other, exchanged, start)
    writeFileSync(path, exchanged)
    expect(replayed(undefined).found).toEqual([['a', other.map(({ field, bytes: b }) => [field, b.toString()])]])
    const { found, replay } = replayed(key, 'discard')
    expect(found).toEqual([])
    expect(replay.gaps).toMatchObject([{ reason: 'journal_unattested' }])
  })

  describe.each([
    ['with a journal key', key],
    ['without one', undefined],
  ])('of a journal in which anything is altered (%s)', (_, mac) => {
    const entries = [
      withContent('a', content),
      sealedEntry({ id: 'b' }),
      withContent('c', content.slice(0, 1)),
      sealedEntry({ id: 'd' }),
    ]
    /** The last record with content, and without. */
    const journals: readonly (readonly SealedEntry[])[] = [entries.slice(0, 3), entries]
    const whole = [
      ['a', expected],
      ['b', undefined],
      ['c', expected.slice(0, 1)],
      ['d', undefined],
    ]

    /** What is found has the content that it was recorded with; what is not found is told of. @returns what is wrong */
    function examine(path: string, altered: Buffer, count: number): readonly string[] {
      writeFileSync(path, altered)
      const { found, replay } = replayed(mac, 'discard')
      const known = whole.slice(0, count).map((each) => JSON.stringify(each))
      const wrong = found.filter((each) => !known.includes(JSON.stringify(each))).map(String)
      return found.length < count && replay.gaps.length === 0 ? [...wrong, 'lost, and not told of'] : wrong
    }

    test.each(journals.map((journal) => [journal.at(-1)?.content ? 'content' : 'no content', journal]))(
      'have their own content, or are told of as lost, whichever bit it is (%s at the end)',
      (__, journal) => {
        write(journal, mac)
        const path = join(directory, segmentName(1))
        const bytes = readFileSync(path)
        const wrong: string[] = []
        const ofEntries = journal.map((entry) => {
          const from = bytes.indexOf(entry.bytes)
          return { from, to: from + entry.byteLength }
        })
        for (let bit = HEAD_BYTES * 8; bit < bytes.length * 8; bit++) {
          const at = bit >> 3
          // Its leaf hash covers an entry: one bit of each of its bytes stands for all.
          if ((bit & 7) !== (at & 7) && ofEntries.some(({ from, to }) => at >= from && at < to)) continue
          const altered = Buffer.from(bytes)
          altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
          for (const each of examine(path, altered, journal.length))
            wrong.push(`byte ${bit >> 3}, bit ${bit & 7}: ${each}`)
        }
        expect(wrong).toEqual([])
      },
    )

    test('have their own content, or are told of as lost, whatever bytes they become', () => {
      write(journals[0] as readonly SealedEntry[], mac)
      const path = join(directory, segmentName(1))
      const bytes = readFileSync(path)
      fc.assert(
        fc.property(
          fc.integer({ min: HEAD_BYTES, max: bytes.length - 1 }),
          fc.uint8Array({ minLength: 1, maxLength: 4 }),
          (at, more) => {
            const altered = Buffer.from(bytes)
            altered.set(more.subarray(0, altered.length - at), at)
            expect(examine(path, altered, 3)).toEqual([])
          },
        ),
        { numRuns: 500 },
      )
    })

    test('are replayed with their content where only the bit is altered that tells of it', () => {
      write(entries, mac)
      const path = join(directory, segmentName(1))
      const bytes = readFileSync(path)
      for (const id of ['a', 'b', 'c', 'd']) {
        const at = bytes.lastIndexOf('{"v":', bytes.indexOf(`"id":"${id}"`)) - 52
        const altered = Buffer.from(bytes)
        altered[at] = (altered[at] as number) ^ 0x40
        writeFileSync(path, altered)
        const { found, replay } = replayed(mac)
        expect(found).toEqual(whole)
        expect(replay.gaps).toEqual([])
      }
    })
  })
})
