import { readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { base, crashImage, namesIn, note, openAt, useLogDirectory } from '../../test/support/log-directory.js'

useLogDirectory()

describe("LevelDB's own log", () => {
  const logOf = async (directory: string) => {
    const names = await readdir(join(directory, 'entries'))
    return join(directory, 'entries', names.filter((name) => name.endsWith('.log')).at(-1) as string)
  }

  it.each(['cut', 'emptied', 'deleted'])('is made up for from the journal when it was %s', async (how) => {
    const log = await openAt(join(base, 'audit'))
    for (let n = 0; n < 200; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    if (how === 'deleted') await unlink(file)
    else await truncate(file, how === 'cut' ? Math.floor((await stat(file)).size / 2) : 0)
    const again = await openAt(image)
    expect(await namesIn(again)).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
    expect(again.recovery.recoveredEvents).toBeGreaterThan(50)
  })

  it('is refused when it lost what the journal does not have either', async () => {
    const log = await openAt(join(base, 'audit'), { durability: 'flush-only' })
    for (let n = 0; n < 20; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    await truncate(file, Math.floor((await stat(file)).size / 2))
    await expect(openAt(image)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringMatching(/of the 20 entries that were committed, the last \d+ are missing/),
    })
  })

  it('is refused when it has a hole', async () => {
    const log = await openAt(join(base, 'audit'))
    for (let n = 0; n < 300; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    const bytes = await readFile(file)
    bytes.fill(7, 40_000, 40_100)
    await writeFile(file, bytes)
    await expect(openAt(image)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringMatching(/entry \d+ of 300 is missing/),
    })
  })
})
