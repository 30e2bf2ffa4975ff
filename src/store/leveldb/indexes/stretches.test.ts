import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { prefixEnd } from '../../keys.js'
import type { Database } from '../load-level.js'
import { STRETCH_PREFIX, stretchKey } from './keys.js'
import { Stretches, WRITE_BUFFER_BYTES } from './stretches.js'

const ENTRIES = 10

let directory: string
let db: Database
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-stretches-'))
  db = new Level<Buffer, Uint8Array>(directory, { keyEncoding: 'buffer', valueEncoding: 'view' })
  await db.open()
})
afterEach(async () => {
  await db.close()
  await rm(directory, { recursive: true })
})

/** Writes batches behind `covered`. @returns what they cover */
async function write(stretches: Stretches, covered: number, batches: number, bytes: number): Promise<number> {
  let from = covered
  for (let n = 0; n < batches; n++) {
    const stretch = { from, to: from + ENTRIES }
    const batch = db.batch()
    stretches.add(batch, stretch)
    await batch.write()
    stretches.written(stretch, bytes)
    from = stretch.to
  }
  return from
}

function keys(): Promise<readonly Buffer[]> {
  return db.keys({ gte: stretchKey(0), lt: prefixEnd(STRETCH_PREFIX) }).all()
}

it('stay few, however many batches are written', async () => {
  const covered = await write(new Stretches(), 0, 1000, WRITE_BUFFER_BYTES / 4)
  expect((await keys()).length).toBeLessThan(100)
  expect(await Stretches.read(db, covered)).toBeDefined()
})

it('are all kept while their batches may stand in the log of LevelDB', async () => {
  await write(new Stretches(), 0, 300, 1)
  expect(await keys()).toHaveLength(300)
})

it('are joined once the index was opened again', async () => {
  const covered = await write(new Stretches(), 0, 300, 1)
  const opened = (await Stretches.read(db, covered)) as Stretches
  const behind = await write(opened, covered, 3, 1)
  expect(await keys()).toHaveLength(4)
  expect(await Stretches.read(db, behind)).toBeDefined()
})

it('tell of any batch that is missing, joined or not', async () => {
  const covered = await write(new Stretches(), 0, 200, WRITE_BUFFER_BYTES / 8)
  const all = await keys()
  expect(all.length).toBeLessThan(200)
  for (const key of all) {
    const value = (await db.get(key)) as Uint8Array
    await db.del(key)
    expect(await Stretches.read(db, covered), key.toString('hex')).toBeUndefined()
    await db.put(key, value)
  }
  expect(await Stretches.read(db, covered)).toBeDefined()
  expect(await Stretches.read(db, covered - 1)).toBeUndefined()
})

it('are as they were where the batch that joins them is lost', async () => {
  const covered = await write(new Stretches(), 0, 300, 1)
  const opened = (await Stretches.read(db, covered)) as Stretches
  const lost = db.batch()
  opened.add(lost, { from: covered, to: covered + ENTRIES })
  await lost.close()
  expect(await Stretches.read(db, covered)).toBeDefined()
  const behind = await write(opened, covered, 1, 1)
  expect(await Stretches.read(db, behind)).toBeDefined()
})
