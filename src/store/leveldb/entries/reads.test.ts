import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sealedEntries } from '../../../testing/index.js'
import type { AuditStore } from '../../contract.js'
import { levelStore } from '../index.js'

let directory: string
let store: AuditStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  store = levelStore(directory)
  await store.open()
})

afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

async function walked(from: number, reverse: boolean): Promise<readonly number[]> {
  const seqs: number[] = []
  for await (const chunk of store.entries({ from, to: store.size, reverse })) seqs.push(...chunk.map(({ seq }) => seq))
  return seqs
}

describe('reading entries of a log that is written', () => {
  it('finds all of them after a larger block has taken the place of small ones that were read', async () => {
    for (let group = 0; group < 120; group++) {
      await store.commit(sealedEntries(1 + (group % 3)))
      const from = Math.max(0, store.size - 200)
      const all = Array.from({ length: store.size - from }, (_, at) => from + at)
      expect(await walked(from, false)).toEqual(all)
      expect(await walked(from, true)).toEqual(all.toReversed())
      expect((await store.read(all)).every((bytes) => bytes !== undefined)).toBe(true)
    }
  })
})
