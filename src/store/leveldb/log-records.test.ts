import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealedEntries } from '../../testing/index.js'
import { levelStore } from './index.js'
import { countGaps, encodeLog, RecordReader } from './log-records.js'

const GROUPS = 120
const BLOCK_BYTES = 32 * 1024

/** A log as LevelDB writes it: a record for each group, some of them cut by the end of a block. */
let log: Buffer

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const store = levelStore(directory)
  await store.open()
  for (let n = 0; n < GROUPS; n++) await store.commit(sealedEntries(1 + (n % 3)))
  const [name = ''] = (await readdir(join(directory, 'entries'))).filter((name) => name.endsWith('.log'))
  log = await readFile(join(directory, 'entries', name))
  await store.close()
  await rm(directory, { recursive: true })
})

afterAll(() => {
  log = Buffer.alloc(0)
})

test('a log that LevelDB writes has a record for each group, and no gap wherever it ends', () => {
  expect(log.length).toBeGreaterThan(3 * BLOCK_BYTES)
  const records = [...new RecordReader(log.length).read(log)]
  expect(records.length).toBeGreaterThanOrEqual(GROUPS)
  expect(encodeLog(records)).toEqual(log)
  for (let end = log.length; end > log.length - 2000; end--) expect(countGaps(log.subarray(0, end))).toBe(0)
})

test('a stretch of zeros is a gap, wherever a part of a record begins in it', () => {
  for (const [from, to] of [
    [0, 7],
    [BLOCK_BYTES, 2 * BLOCK_BYTES],
    [BLOCK_BYTES + 100, 2 * BLOCK_BYTES + 100],
    [BLOCK_BYTES, log.length],
  ] as const) {
    expect(countGaps(Buffer.from(log).fill(0, from, to))).toBeGreaterThan(0)
  }
})
