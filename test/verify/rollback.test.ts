import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer, formatCheckpoint, signNote } from '../../src/checkpoint/index.js'
import type { AuditEvent } from '../../src/events/types.js'
import { filedEvent } from '../../src/store/filed-event.js'
import { entrySlot } from '../../src/store/leveldb/entries/block.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { hashLeaf } from '../../src/tree/index.js'
import { log, size, useGrownLog } from './grown-log.js'
import { allEntries, tamper, verdict } from './tampered-log.js'

useGrownLog()

describe('a log that was written anew', () => {
  /** Puts a database of these entries in the place of the log's, with tree, indexes and head of their own. */
  async function rewritten(change: (entries: Buffer[]) => Buffer[], sign?: Ed25519Signer): Promise<string> {
    const directory = await log.copy()
    let entries: Buffer[] = []
    await tamper(directory, async (db) => {
      entries = await allEntries(db)
    })
    await rm(join(directory, 'entries'), { recursive: true })
    const store = levelStore(directory)
    await store.open()
    const group = change(entries).map((bytes) => {
      const event = JSON.parse(bytes.toString()) as AuditEvent
      return { ...entrySlot(bytes, false), leafHash: hashLeaf(bytes), event: filedEvent(event) }
    })
    await store.commit(group)
    if (sign) {
      const text = formatCheckpoint({ origin: sign.name, size: BigInt(store.size), root: store.root, extensions: [] })
      const checkpoint = await signNote(text, [sign])
      await store.commit([], { checkpoint })
      await writeFile(join(directory, 'checkpoint'), checkpoint)
      await writeFile(join(directory, 'keys', 'signing.vkey'), `${sign.vkey}\n`)
    }
    await store.close()
    return directory
  }
  const altered = (entries: Buffer[]) =>
    entries.map((bytes, seq) => (seq === 444 ? Buffer.from(bytes.toString().replace('"custom"', '"CUSTOM"')) : bytes))

  it('is altered by the checkpoint beside it, and an older one narrows down where', async () => {
    const directory = await rewritten(altered)
    const { code, kinds } = await verdict(directory, '-k', log.vkey)
    expect({ code, kinds }).toEqual({ code: 5, kinds: ['root_mismatch'] })
    const kept = join(log.root, 'kept-290.txt')
    await writeFile(kept, log.states[1]?.checkpoint ?? '')
    const { report } = await verdict(directory, '-k', log.vkey, '-c', kept)
    expect(report.provenSize).toBeGreaterThan(289)
    expect(report.problems.flatMap(({ entries }) => entries)).toEqual([{ from: report.provenSize, to: size }])
  })

  it('is truncated when entries were left out at its end or in its midst', async () => {
    expect((await verdict(await rewritten((entries) => entries.slice(0, 300)), '-k', log.vkey)).code).toBe(2)
    expect((await verdict(await rewritten((entries) => entries.toSpliced(5, 1)), '-k', log.vkey)).code).toBe(2)
  })

  it('and signed with another key of the same name has an unknown key, whatever lies beside it', async () => {
    const forger = Ed25519Signer.generate((log.vkey.split('+')[0] as string) ?? '')
    const directory = await rewritten(altered, forger)
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 4, report: { provenSize: 0 } })
    // Who trusts the directory itself is told what it says.
    expect((await verdict(directory)).code).toBe(0)
  })
})

describe('a log that ends too early', () => {
  it('is found by the newer checkpoint beside it, from any earlier state', async () => {
    for (const { directory: earlier } of log.states.slice(0, -1)) {
      const directory = await log.copy()
      await rm(join(directory, 'entries'), { recursive: true })
      await cp(join(earlier, 'entries'), join(directory, 'entries'), { recursive: true })
      const { code, kinds } = await verdict(directory, '-k', log.vkey)
      expect({ code, kinds }).toEqual({ code: 2, kinds: ['truncated'] })
    }
  })

  it('with a valid older checkpoint is found by a newer one that was kept elsewhere, and by nothing else', async () => {
    const kept = join(log.root, 'newest.txt')
    await writeFile(kept, log.states.at(-1)?.checkpoint ?? '')
    for (const { directory } of log.states.slice(0, -1)) {
      expect((await verdict(directory, '-k', log.vkey)).code).toBe(0)
      expect(await verdict(directory, '-k', log.vkey, '-c', kept)).toMatchObject({ code: 2, kinds: ['truncated'] })
    }
  })

  it('behind its last checkpoint is found by the file head', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'entries'), { recursive: true })
    await cp(join(log.states[0]?.directory ?? '', 'entries'), join(directory, 'entries'), { recursive: true })
    await writeFile(join(directory, 'checkpoint'), log.states[0]?.checkpoint ?? '')
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 2, kinds: ['truncated'] })
  })

  it('is suspected where the file that would tell is gone', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'checkpoint'))
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 2, kinds: ['checkpoint_missing'] })
  })

  it('or is gone altogether', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'entries'), { recursive: true })
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 2, report: { size: 0 } })
  })

  it('says so itself once it has been opened nevertheless', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'entries'), { recursive: true })
    await cp(join(log.states[0]?.directory ?? '', 'entries'), join(directory, 'entries'), { recursive: true })
    await rm(join(directory, 'journal'), { recursive: true })
    const opened = await openAuditLog(directory, { divergence: 'record' })
    await opened.append({ type: 'custom', data: { name: 'after' } })
    await opened.close()
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 2, kinds: ['rolled_back'] })
    const kept = join(log.root, 'before-rollback.txt')
    await writeFile(kept, log.states[1]?.checkpoint ?? '')
    expect((await verdict(directory, '-k', log.vkey, '-c', kept)).code).toBe(2)
  })
})
