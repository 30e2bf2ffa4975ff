import { appendFile, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  crashedLog,
  namesIn,
  newestSegment,
  note,
  openAt,
  segmentsOf,
  useLogDirectory,
} from '../../test/support/log-directory.js'

useLogDirectory()

describe('a journal whose end was being written', () => {
  it.each([1, 10, 40, 100])('is cut where %i bytes are missing, and says so', async (missing) => {
    const image = await crashedLog('d', 'e')
    const segment = await newestSegment(image)
    await truncate(segment, (await stat(segment)).size - missing)
    const log = await openAt(image)
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(log.recovery).toMatchObject({ recoveredEvents: 1, gaps: 0 })
    expect(log.recovery.tornBytes).toBeGreaterThan(0)
    await log.append(note('f'))
    await log.close()
    expect(await namesIn(await openAt(image))).toEqual(['a', 'b', 'c', 'd', 'f'])
  })

  it('may end within the head of a segment', async () => {
    const image = await crashedLog('d')
    for (const beginning of ['', 'spanl', 'spanledger journal 2\nafter 00']) {
      const next = join(image, 'journal', `${String((await segmentsOf(image)).length + 1).padStart(6, '0')}.journal`)
      await writeFile(next, beginning)
      const log = await openAt(image)
      expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
      await log.close()
    }
  })
})

describe('a journal that is damaged', () => {
  const refused = (what: string) => ({ code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(what) })

  /** Flips a bit of the newest segment, counted from its end. */
  async function flip(image: string, fromEnd: number): Promise<void> {
    const segment = await newestSegment(image)
    const bytes = await readFile(segment)
    const at = bytes.length - fromEnd
    bytes[at] = (bytes[at] as number) ^ 4
    await writeFile(segment, bytes)
  }

  it('is refused, naming file and byte, wherever a bit of what is not committed was flipped', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const segment = await newestSegment(image)
    const whole = await readFile(segment)
    const length = Math.floor((whole.length - whole.indexOf('"d"')) / 3)
    const uncommitted = 3 * length
    for (const fromEnd of [5, length / 2, length - 40, length - 1, length, length + 3, 2 * length, uncommitted - 60]) {
      await flip(image, Math.floor(fromEnd))
      await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal is damaged at byte'))
      await writeFile(segment, whole)
    }
    expect(await namesIn(await openAt(image))).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('goes on without it when told to, and records the gap in its place', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const bytes = await readFile(await newestSegment(image))
    await flip(image, bytes.length - bytes.indexOf('"e"'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'f'])
    expect(log.recovery).toMatchObject({ recoveredEvents: 2, gaps: 1 })
    const [gap] = await log.events({ type: 'events_dropped' }).toArray()
    expect(gap).toMatchObject({ seq: 4, data: { count: 1, reason: 'journal_damaged' } })
    const around = await log.events({ type: 'custom' }).toArray()
    expect(gap?.data).toMatchObject({ from: around[3]?.recordedAt, to: around[4]?.recordedAt })
  })

  it('is refused when bytes of another kind follow, unless told to go on', async () => {
    const image = await crashedLog('d')
    await appendFile(await newestSegment(image), Buffer.alloc(500))
    await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(await log.events({ type: 'events_dropped' }).count()).toBe(1)
  })

  it('is refused when the file is gone that has what is not committed', async () => {
    const image = await crashedLog('d')
    await unlink(await newestSegment(image))
    await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal is missing'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c'])
    expect(await log.events({ type: 'events_dropped' }).toArray()).toMatchObject([
      { data: { reason: 'journal_damaged', count: 1 } },
    ])
  })

  it('is refused when it is of a version from the future', async () => {
    const image = await crashedLog('d')
    const segment = await newestSegment(image)
    await writeFile(segment, (await readFile(segment, 'latin1')).replace('journal 2', 'journal 3'), 'latin1')
    await expect(openAt(image)).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
  })

  it('after a loss of power goes on, and records the gap', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const segment = await newestSegment(image)
    const text = (await readFile(segment, 'latin1')).replace(/boot .{36}/, `boot ${'0'.repeat(36)}`)
    const at = text.indexOf('"e"')
    await writeFile(segment, text.slice(0, at - 60) + '\0'.repeat(60) + text.slice(at), 'latin1')
    const log = await openAt(image)
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'f'])
    expect(await log.events({ type: 'events_dropped' }).toArray()).toMatchObject([
      { seq: 4, data: { reason: 'power_lost', count: 1 } },
    ])
  })
})
