import { execFileSync } from 'node:child_process'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { migrate, postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { serverAccount } from './support/installation.mjs'
import { PostgresServer } from './support/server.js'
import { verifiedEvents } from './support/writers.js'

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

test('a disk that is full fails commits, and what is tried again when there is room is stored once', async () => {
  // A file system of its own takes root.
  const disk = await mkdtemp(join(tmpdir(), 'spanledger-disk-'))
  ends.push(() => rm(disk, { recursive: true }))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk])
  ends.push(() => execFileSync('umount', [disk]))
  if (serverAccount) await chown(disk, serverAccount.uid, serverAccount.gid)
  const filler = join(disk, 'filler')
  const server = await PostgresServer.start()
  ends.push(() => server.remove())
  await server.sql(`create tablespace small location '${disk}'`)
  await server.sql('create database audit tablespace small')
  const url = server.url('audit')
  await migrate({ connectionString: url })
  const store = postgresStore({ connectionString: url, logId: 'log' })
  await store.open()
  ends.push(() => store.close())

  await writeFile(filler, Buffer.alloc(16 * 1024 * 1024))
  const stored: string[] = []
  const group = () =>
    sealedEntries(200, () => ({ data: { name: 'x'.repeat(700) } })).map((entry) => ({
      ...entry,
      content: [{ field: 'data.note', bytes: Buffer.from(entry.event.id.padEnd(300)) }],
    }))
  let last = group()
  const problem = await (async () => {
    for (;;) {
      try {
        await store.commit(last)
      } catch (caught) {
        return caught
      }
      stored.push(...last.map(({ event }) => event.id))
      last = group()
    }
  })()
  expect(problem).toMatchObject({ code: 'AUDIT_WRITE_FAILED', message: expect.stringContaining('No space left') })
  expect(store.size).toBe(stored.length)
  await rm(filler)
  const { seqs } = await store.commit(last)
  expect(seqs[0]).toBe(stored.length)
  stored.push(...last.map(({ event }) => event.id))
  expect((await verifiedEvents(url, 'log')).map(({ id }) => id)).toEqual(stored)
  const items = (await store.content?.([...stored.keys()])) ?? []
  expect(
    items.map(([item]) =>
      Buffer.from(item?.bytes ?? [])
        .toString()
        .trim(),
    ),
  ).toEqual(stored)
  expect(await server.sql('select count(*)::int as count from spanledger.content', 'audit')).toEqual([
    { count: stored.length },
  ])
})
