import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { maskedChecksum } from '../../src/store/crc32c.js'
import { encodeManifest, MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../../src/store/leveldb/manifest.js'
import { manifestPath, writeSoundLog } from './hostile-log.js'

// Sizes and places that a file states are compared with what is there, before LevelDB or we take memory for them.

let log: Awaited<ReturnType<typeof writeSoundLog>>
beforeAll(async () => {
  log = await writeSoundLog()
})
afterAll(() => log.remove())

const FOOTER_BYTES = 48

function varint(value: bigint): number[] {
  const bytes: number[] = []
  for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80)
  return [...bytes, Number(value)]
}

/** Writes other places and sizes of the two indexes into the footer of each table. */
async function stateIndexes(directory: string, ...numbers: readonly bigint[]): Promise<void> {
  const tables = (await readdir(join(directory, 'entries'))).filter((name) => name.endsWith('.ldb'))
  for (const table of tables) {
    const path = join(directory, 'entries', table)
    const bytes = await readFile(path)
    bytes.fill(0, bytes.length - FOOTER_BYTES, bytes.length - 8)
    bytes.set(numbers.flatMap(varint), bytes.length - FOOTER_BYTES)
    await writeFile(path, bytes)
  }
}

async function expectRefused(directory: string): Promise<void> {
  const refusal = expect.objectContaining({ code: 'AUDIT_LOG_CORRUPT' })
  await expect(openAuditLogReader(directory)).rejects.toEqual(refusal)
  await expect(openAuditLog(directory)).rejects.toEqual(refusal)
}

describe('a table whose footer states', () => {
  it.each<[string, readonly bigint[]]>([
    ['more than there is', [0n, 8n, 0n, 2n ** 40n]],
    ['more than there can be', [0n, 8n, 0n, 2n ** 62n]],
    ['a size that a trailer makes 0', [0n, 8n, 0n, 2n ** 64n - 5n]],
    ['a place far behind its end', [0n, 8n, 2n ** 50n, 8n]],
    ['such a size for its other index', [0n, 2n ** 40n, 0n, 8n]],
  ])('%s is refused before LevelDB opens it', async (_, numbers) => {
    const directory = await log.copy()
    await stateIndexes(directory, ...numbers)
    await expectRefused(directory)
  })
})

it('a manifest of tiny parts is refused before they fill the memory', async () => {
  const directory = await log.copy()
  const path = await manifestPath(directory)
  const part = (kind: number) => {
    const bytes = Buffer.alloc(7)
    bytes[6] = kind
    bytes.writeUInt32LE(maskedChecksum(bytes.subarray(6)), 0)
    return bytes
  }
  const block = Buffer.alloc(32 * 1024, part(3)).fill(0, 32 * 1024 - 1)
  const blocks = Array.from({ length: 64 }, () => block)
  const bytes = Buffer.concat(blocks)
  part(2).copy(bytes)
  await writeFile(path, bytes)
  await expectRefused(directory)
})

it('a manifest that names more tables than a log can have is refused while it is read', () => {
  const key = Buffer.from('key12345678')
  const tables = Array.from({ length: 2 ** 18 + 1 }, (_, at) => {
    return { number: at + 1, level: 0, bytes: 1, smallest: key, largest: key }
  })
  const manifest: Manifest = { tables, firstLog: 0, previousLog: 0, nextFile: 2 ** 19, lastSequence: 1 }
  const bytes = encodeManifest(manifest)
  expect(bytes.length).toBeLessThan(MAX_MANIFEST_BYTES)
  expect(() => parseManifest(bytes)).toThrow('more than')
})
