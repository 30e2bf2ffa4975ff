import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { log, size, useGrownLog } from './grown-log.js'
import { flipped, numbers, spanledger, verdict } from './tampered-log.js'

useGrownLog()

describe('copies for others', () => {
  it('as tiles are verified, and no bit of a file can be another', async () => {
    const tiles = join(log.root, 'tiles')
    await spanledger('export', '--log', log.directory, '--tiles', tiles)
    expect(await verdict(tiles, '-k', log.vkey)).toMatchObject({ code: 0, report: { size, provenSize: size } })
    const random = numbers(5)
    const files = (await readdir(tiles, { recursive: true, withFileTypes: true })).filter((each) => each.isFile())
    for (const file of files) {
      const path = join(file.parentPath, file.name)
      const intact = await readFile(path)
      for (let n = 0; n < 3; n++) {
        await writeFile(path, flipped(intact, random(intact.length), random(8)))
        expect([2, 4, 5], path).toContain((await verdict(tiles, '-k', log.vkey)).code)
      }
      await rename(path, `${path}.away`)
      if (file.name !== 'checkpoint') expect((await verdict(tiles, '-k', log.vkey)).code, path).not.toBe(0)
      await rename(`${path}.away`, path)
      await writeFile(path, intact)
    }
  })

  it('as JSON Lines are verified by a checkpoint from elsewhere', async () => {
    const { out } = await spanledger('export', '--log', log.directory)
    const [file, kept] = [join(log.root, 'audit.jsonl'), join(log.directory, 'checkpoint')]
    const lines = out.trimEnd().split('\n')
    const check = async (changed: readonly string[]) => {
      await writeFile(file, `${changed.join('\n')}\n`)
      return (await verdict(file, '-k', log.vkey, '-c', kept)).code
    }
    expect(await check(lines)).toBe(0)
    expect(await check(lines.with(5, lines[6] as string))).toBe(5)
    expect(await check(lines.with(5, (lines[5] as string).replace('custom', 'Custom')))).toBe(5)
    expect(await check(lines.toSpliced(5, 1))).toBe(2)
    expect(await check(lines.slice(0, 100))).toBe(2)
    expect((await verdict(file, '-k', log.vkey)).code).toBe(4)
  })
})

describe('a receipt', () => {
  it('proves its entry without the log, and no character of it can be another', async () => {
    const file = join(log.root, '123.receipt')
    await spanledger('prove', '--log', log.directory, '123', '-o', file)
    const check = async () => (await spanledger('verify', '--receipt', file, '-k', log.vkey)).code
    const { code, out } = await spanledger('verify', '--receipt', file, '-k', log.vkey, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ status: 'verified', seq: 123 })
    const intact = await readFile(file)
    const random = numbers(6)
    for (let n = 0; n < 60; n++) {
      await writeFile(file, flipped(intact, random(intact.length), random(8)))
      expect([4, 5]).toContain(await check())
    }
    await writeFile(file, intact)
    expect((await spanledger('verify', '--receipt', file, '-k', Ed25519Signer.generate('x.org').vkey)).code).toBe(4)
    expect((await spanledger('verify', '--receipt', file)).code).toBe(64)
    expect((await spanledger('prove', log.directory, '123')).out).toBe(intact.toString())
  })
})
