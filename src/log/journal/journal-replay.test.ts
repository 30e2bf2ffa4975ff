import { truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JournalPosition } from '../../store/contract.js'
import { sealedEntry } from '../../testing/index.js'
import { Journal } from './journal.js'
import { HEAD_BYTES, segmentName } from './journal-format.js'
import { JournalReplay, type JournalReplayOptions } from './journal-replay.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

/** Writes a segment with these ids. @returns where it ends */
function write(segment: number, after: number, ids: readonly string[], bootId = ''): JournalPosition {
  const journal = new Journal({ directory, segment, after, oldest: 1, bootId })
  for (const id of ids) journal.append(sealedEntry({ id }))
  journal.close()
  return journal.end
}

function replay(options: Partial<JournalReplayOptions> = {}): JournalReplay {
  const defaults = { from: undefined, closedInOrder: false, bootId: '', onDamage: 'refuse', location: 'test' } as const
  return new JournalReplay({ directory, ...defaults, ...options })
}

const idsIn = (of: JournalReplay) => [...of.entries()].map(({ entry }) => entry.event.id)
const pathOf = (segment: number) => join(directory, segmentName(segment))
const corrupt = (what: string) =>
  expect.objectContaining({ code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(what) })

describe('replaying a journal', () => {
  it('goes from segment to segment, from where the store has it', () => {
    const { offset } = write(1, 0, ['a', 'b'])
    write(2, offset, [])
    const { offset: end } = write(3, HEAD_BYTES, ['c', 'd'])
    expect(idsIn(replay())).toEqual(['a', 'b', 'c', 'd'])
    const positions = [...replay().entries()].map(({ position }) => position)
    for (const [at, from] of positions.entries()) {
      const rest = replay({ from })
      expect(idsIn(rest)).toEqual(['a', 'b', 'c', 'd'].slice(at + 1))
      expect(rest.next).toMatchObject({ segment: 4, oldest: 1 })
    }
    expect(idsIn(replay({ from: { segment: 3, offset: end } }))).toEqual([])
    expect(idsIn(replay({ from: { segment: 4, offset: 0 } }))).toEqual([])
  })

  it('of a directory that is not there has nothing, and begins with the first segment', () => {
    const empty = replay({ directory: join(directory, 'no') })
    expect(idsIn(empty)).toEqual([])
    expect(empty.next).toMatchObject({ segment: 1, oldest: 1, after: 0 })
  })

  it('never gives a number a second time', () => {
    expect(replay({ from: { segment: 7, offset: 500 }, closedInOrder: true }).next.segment).toBe(8)
    expect(replay({ from: { segment: 7, offset: 0 } }).next.segment).toBe(7)
    write(9, 0, ['a'])
    expect(replay({ from: { segment: 7, offset: 500 }, closedInOrder: true }).next.segment).toBe(10)
  })

  it('finds that a segment is missing, at the beginning and between others', () => {
    write(2, 0, ['b'])
    expect(() => idsIn(replay())).toThrow(corrupt('000001.journal is missing'))
    expect(() => idsIn(replay({ from: { segment: 1, offset: 100 } }))).toThrow(corrupt('000001.journal is missing'))
    write(4, 0, ['d'])
    const from = { segment: 2, offset: HEAD_BYTES }
    expect(() => idsIn(replay({ from }))).toThrow(corrupt('000003.journal is missing'))
    const discarding = replay({ from, onDamage: 'discard' })
    expect(idsIn(discarding)).toEqual(['b', 'd'])
    expect(discarding.gaps).toMatchObject([
      { reason: 'journal_damaged', count: 1, before: { id: 'b' }, after: { id: 'd' } },
    ])
  })

  it('passes over a segment that could not be begun', () => {
    write(1, 0, ['a'])
    writeFileSync(pathOf(2), 'spanledg')
    write(3, 8, ['c'])
    const over = replay()
    expect(idsIn(over)).toEqual(['a', 'c'])
    expect(over.tornBytes).toBe(8)
  })

  it.each([0, 20, HEAD_BYTES, HEAD_BYTES + 100])('finds that a segment before others was cut at byte %i', (bytes) => {
    const { offset } = write(1, 0, ['a', 'b'])
    write(2, offset, ['c'])
    truncateSync(pathOf(1), bytes)
    expect(() => idsIn(replay())).toThrow(corrupt('000001.journal'))
    const discarding = replay({ onDamage: 'discard' })
    expect(idsIn(discarding)).toEqual(['c'])
    expect(discarding.gaps).toHaveLength(1)
  })

  it('finds that the segment is shorter than what the store took over, unless the machine lost power', () => {
    const from = write(1, 0, ['a', 'b'], 'this')
    truncateSync(pathOf(1), from.offset - 10)
    const what = `ends at byte ${from.offset - 10}, before byte ${from.offset}`
    expect(() => idsIn(replay({ from, bootId: 'this' }))).toThrow(corrupt(what))
    expect(() => idsIn(replay({ from, bootId: '' }))).toThrow(corrupt(what))
    expect(idsIn(replay({ from, bootId: 'next' }))).toEqual([])
    expect(idsIn(replay({ from, bootId: 'this', closedInOrder: true }))).toEqual([])
  })

  it('takes zeros at the end for what loss of power leaves, and for damage otherwise', () => {
    const { offset } = write(1, 0, ['a', 'b'], 'this')
    truncateSync(pathOf(1), offset + 4096)
    expect(() => idsIn(replay({ bootId: 'this' }))).toThrow(corrupt(`damaged at byte ${offset}`))
    const next = replay({ bootId: 'next' })
    expect(idsIn(next)).toEqual(['a', 'b'])
    expect(next.tornBytes).toBe(4096)
    expect(next.gaps).toEqual([])
  })

  it('finds a head that is malformed, and goes on behind it when told to', () => {
    write(1, 0, ['a'])
    writeFileSync(pathOf(1), 'X', { flag: 'r+' })
    expect(() => idsIn(replay())).toThrow(corrupt('000001.journal is damaged at byte 0'))
    expect(idsIn(replay({ onDamage: 'discard' }))).toEqual(['a'])
  })
})
