import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AuditEvent } from '../../events/types.js'
import { sealedEntries } from '../../testing/index.js'
import { NameHashes } from './hash-key.js'
import { levelStore } from './index.js'
import { parseManifest } from './manifest.js'

// LevelDB repeats keys where nothing could remove them: in its manifest, and in what it logs. No name may be there.

const MARKER = 'Nobody'
const DATABASES = ['entries', 'index'] as const

/** A method that `level` has and does not declare. */
interface Compacting {
  compactRange(first: Buffer, last: Buffer, options: { readonly keyEncoding: 'buffer' }): Promise<void>
}

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const store = levelStore(directory)
  // Several openings leave manifests, tables and logs of LevelDB's own.
  for (let opening = 0; opening < 3; opening++) {
    await store.open()
    const named = (what: string, n: number) => `${MARKER}-${what}-${opening}-${n % 50}`
    for (let group = 0; group < 10; group++) {
      await store.commit(
        sealedEntries(
          300,
          (n): Partial<AuditEvent> => ({
            id: `${named('id', n)}-${group}-${n}`,
            type: 'run_started',
            tenantId: named('tenant', n),
            sessionId: named('session', n),
            runId: named('run', n),
            parentRunId: named('parent', n),
            agent: { id: named('agent', n), name: named('agent-name', n) },
            data: { agent: { name: named('agent', n) } },
          }),
        ),
      )
    }
    await store.close()
    for (const name of DATABASES) {
      const db = new Level(join(directory, name)) as Level & Compacting
      await db.open()
      await db.compactRange(Buffer.of(0), Buffer.of(0xff), { keyEncoding: 'buffer' })
      await db.close()
    }
  }
})

afterAll(() => rm(directory, { recursive: true }))

it.each(DATABASES)('no name stands in the manifest and the info logs of %s', async (database) => {
  const names = await readdir(join(directory, database))
  const files = names.filter((name) => /^(MANIFEST-\d+|LOG|LOG\.old)$/.test(name))
  expect(files.length).toBeGreaterThanOrEqual(3)
  for (const name of files) {
    const bytes = await readFile(join(directory, database, name))
    expect(bytes.includes(MARKER), name).toBe(false)
    // It names keys, or the search would find nothing in any case.
    if (name.startsWith('MANIFEST')) expect(parseManifest(bytes).tables[0]?.smallest.length).toBeGreaterThan(8)
  }
})

it.each(DATABASES)('no name stands in a key of %s', async (database) => {
  const db = new Level<Buffer, Buffer>(join(directory, database), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  const keys = await db.keys().all()
  expect(keys.filter((key) => key.includes(MARKER))).toEqual([])
  expect(keys.length).toBeGreaterThan(100)
  const values = await db.values().all()
  expect(values.some((value) => value.includes(MARKER))).toBe(true)
  await db.close()
})

it('names are hashed by a key of the log: another log has other hashes of them', () => {
  const [one, other] = [1, 2].map((byte) => new NameHashes(Buffer.alloc(16, byte))) as [NameHashes, NameHashes]
  expect(one.of(MARKER)).toBe(one.of(MARKER))
  expect(one.of(MARKER)).toHaveLength(16)
  expect(one.of(MARKER)).not.toBe(other.of(MARKER))
  expect(one.of(MARKER)).not.toBe(one.of(`${MARKER}x`))
  expect(one.ofPair('a', 'bc')).not.toBe(one.ofPair('ab', 'c'))
})
