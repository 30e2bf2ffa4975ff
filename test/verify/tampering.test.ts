import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer, formatCheckpoint, signNote } from '../../src/checkpoint/index.js'
import type { AuditEvent } from '../../src/events/types.js'
import { recordStatement } from '../../src/log/statements.js'
import { filedEvent } from '../../src/store/filed-event.js'
import { entrySlot } from '../../src/store/leveldb/entries/block.js'
import { type ReadKey, readKey } from '../../src/store/leveldb/entries/keys.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { hashLeaf } from '../../src/tree/index.js'
import {
  allEntries,
  dropEntry,
  entryAt,
  putBlock,
  type RawDatabase,
  replaceEntry,
  spanledger,
  tamper,
  verdict,
  writeLog,
} from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
let size: number
beforeAll(async () => {
  log = await writeLog([100, 290, 650])
  size = (await verdict(log.directory, '-k', log.vkey)).report.size
})
afterAll(() => log.remove())

/** The same numbers every time, without a pattern that what is tested could have too. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const flipped = (bytes: Uint8Array, at: number, bit: number) => {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] as number) ^ (1 << bit)
  return copy
}

const entriesOf = (spans: readonly { readonly from: number; readonly to: number }[]) =>
  spans.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at))

describe('an untouched log', () => {
  it('is verified, by its key and by every checkpoint that was kept of it', async () => {
    for (const { checkpoint } of log.states) {
      await writeFile(join(log.root, 'kept.txt'), checkpoint)
      const { code, report } = await verdict(log.directory, '-k', log.vkey, '-c', join(log.root, 'kept.txt'))
      expect(report.problems).toEqual([])
      expect({ code, proven: report.provenSize, size: report.size }).toEqual({ code: 0, proven: size, size })
    }
  })

  it('is verified by the key that lies beside it, and it is said what that is worth', async () => {
    const { code, out } = await spanledger('verify', log.directory)
    expect(code).toBe(0)
    expect(out).toContain('whoever can write there could have replaced it')
    expect((await spanledger('verify', log.directory, '-k', log.vkey)).out).not.toContain('could have')
  })

  it('is left as it is', async () => {
    const contents = async () => {
      const names = (await readdir(log.directory, { recursive: true, withFileTypes: true })).filter((each) =>
        each.isFile(),
      )
      return await Promise.all(
        names.map(async (each) => [each.name, (await readFile(join(each.parentPath, each.name))).toString('base64')]),
      )
    }
    const before = await contents()
    await verdict(log.directory)
    expect(await contents()).toEqual(before)
  })

  it('is verified while it is open, by the log and by readers', async () => {
    const directory = await log.copy()
    await using open = await openAuditLog(directory)
    await open.append({ type: 'custom', data: { name: 'more' } })
    expect(await open.verify()).toMatchObject({ status: 'verified', size: size + 1, provenSize: size + 1 })
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(0)
  })
})

describe('one byte that is another', () => {
  it('of any entry is found, and the entry is named', async () => {
    const directory = await log.copy()
    const random = numbers(1)
    const seqs = new Set([0, 255, 256, size - 1, ...Array.from({ length: 20 }, () => random(size))])
    for (const seq of seqs) {
      let intact: Buffer = Buffer.alloc(0)
      await tamper(directory, async (db) => {
        intact = await entryAt(db, seq)
        await replaceEntry(db, seq, flipped(intact, random(intact.length), random(8)))
      })
      const { code, report } = await verdict(directory, '-k', log.vkey)
      const named = report.problems.find(({ kind }) => kind === 'entry_altered')
      expect({ code, named: entriesOf(named?.entries ?? []) }, `entry ${seq}`).toEqual({ code: 5, named: [seq] })
      await tamper(directory, (db) => replaceEntry(db, seq, intact))
    }
  })

  it('of any other record, in key or value, or its loss, is found', async () => {
    const directory = await log.copy()
    const random = numbers(2)
    const records: [Buffer, Buffer][] = []
    await tamper(directory, async (db) => {
      records.push(...(await db.iterator().all()))
    })
    const kindOf = (key: Buffer): ReadKey['kind'] | 'meta' => readKey(key)?.kind ?? 'meta'
    // Nothing reads a head or a checkpoint that a newer one has taken the place of.
    const last = new Map(records.map(([key]) => [kindOf(key), key]))
    const isRead = (key: Buffer, kind = kindOf(key)) =>
      (kind !== 'head' && kind !== 'checkpoint') || key === last.get(kind)
    const tested = records.filter(([key]) => kindOf(key) !== 'block' && isRead(key))
    expect(new Set(tested.map(([key]) => kindOf(key)))).toEqual(new Set(['meta', 'head', 'checkpoint', 'page', 'tile']))
    for (const [key, value] of tested) {
      const name = key.toString('hex')
      const changes: Record<string, (db: RawDatabase) => Promise<unknown>> = {
        // Behind size and root, the head tells where small blocks begin: that may be at another block as well.
        value: (db) => db.put(key, flipped(value, random(Math.min(value.length, 40)), random(8))),
        key: (db) =>
          db
            .batch()
            .del(key)
            .put(flipped(key, 1 + random(key.length - 1), random(8)), value)
            .write(),
        loss: (db) => db.del(key),
      }
      // The file has the checkpoint too.
      const isCheckpoint = kindOf(key) === 'checkpoint'
      if (isCheckpoint) delete changes.loss
      const kinds = Object.keys(changes)
      const change = kinds[random(kinds.length)] as string
      await tamper(directory, changes[change] as (db: RawDatabase) => Promise<unknown>)
      const { code } = await verdict(directory, '-k', log.vkey)
      expect(isCheckpoint ? [4, 5] : [5], `${change} of ${name}`).toContain(code)
      await tamper(directory, async (db) => {
        await db.clear()
        await db.batch(records.map(([key, value]) => ({ type: 'put' as const, key, value })))
      })
    }
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(0)
  })

  it('of the file checkpoint is found', async () => {
    const directory = await log.copy()
    const file = join(directory, 'checkpoint')
    const intact = await readFile(file)
    const random = numbers(3)
    for (let n = 0; n < 25; n++) {
      await writeFile(file, flipped(intact, random(intact.length), random(8)))
      expect([4, 5]).toContain((await verdict(directory, '-k', log.vkey)).code)
    }
  })

  it('of the file head is found', async () => {
    const directory = await log.copy()
    const file = join(directory, 'head')
    const intact = await readFile(file)
    for (let at = 0; at < intact.length; at++) {
      await writeFile(file, flipped(intact, at, at % 8))
      expect([2, 5], `byte ${at}`).toContain((await verdict(directory, '-k', log.vkey)).code)
    }
  })
})

describe('entries that are not where they were', () => {
  const cases: Record<string, { change: (db: RawDatabase) => Promise<unknown>; kind: string; named: () => number[] }> =
    {
      'the first is removed': { change: (db) => dropEntry(db, 0), kind: 'entry_missing', named: () => [0] },
      'one in the midst is removed': {
        change: (db) => dropEntry(db, 333),
        kind: 'entry_missing',
        named: () => [333],
      },
      'the last is removed': {
        change: (db) => dropEntry(db, size - 1),
        kind: 'entry_missing',
        named: () => [size - 1],
      },
      'two are swapped': {
        change: async (db) => {
          const [one, other] = [await entryAt(db, 10), await entryAt(db, 20)]
          await replaceEntry(db, 10, other)
          await replaceEntry(db, 20, one)
        },
        kind: 'entry_altered',
        named: () => [10, 20],
      },
      'one takes the place of another': {
        change: async (db) => await replaceEntry(db, 41, await entryAt(db, 40)),
        kind: 'entry_altered',
        named: () => [41],
      },
      'one is repeated at the end': {
        change: async (db) => await putBlock(db, size, [entrySlot(await entryAt(db, 40), false)]),
        kind: 'entry_unexpected',
        named: () => [size],
      },
      'one is no JSON': {
        change: (db) => replaceEntry(db, 7, Buffer.from('{')),
        kind: 'entry_unreadable',
        named: () => [7],
      },
      'one begins like an event, and takes that back at its end': {
        change: async (db) => {
          const entry = (await entryAt(db, 7)).toString()
          await replaceEntry(db, 7, Buffer.from(`${entry.slice(0, -1)},"tenantId":7}`))
        },
        kind: 'entry_unreadable',
        named: () => [7],
      },
    }
  it.each(Object.entries(cases))('%s', async (_, { change, kind, named }) => {
    const directory = await log.copy()
    await tamper(directory, change)
    for (const options of [[], ['--entries-only']]) {
      const { code, report } = await verdict(directory, '-k', log.vkey, ...options)
      const found = report.problems.find((problem) => problem.kind === kind)
      expect({ code, entries: entriesOf(found?.entries ?? []) }).toEqual({ code: 5, entries: named() })
    }
  })
})

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

describe('keys', () => {
  const directoryOf = async (name: string) => {
    const directory = join(log.root, name)
    await mkdir(directory)
    return directory
  }

  it('hand over to the next in the log: who knows the first trusts the last', async () => {
    const directory = await log.copy()
    const next = Ed25519Signer.generate(log.vkey.split('+')[0] as string)
    const rotated = await openAuditLog(directory, { signer: next })
    await rotated.append({ type: 'custom', data: { name: 'by another key' } })
    await rotated.close()
    const { code, report } = await verdict(directory, '-k', log.vkey)
    expect({ code, problems: report.problems }).toEqual({ code: 0, problems: [] })
    expect(report.checkpoints[0]?.signedBy).toContain(next.vkey.split('+')[1])
    expect((await verdict(directory, '-k', next.vkey)).code).toBe(0)
  })

  it('may come back without a word of the one between, for who knows it', async () => {
    const directory = await directoryOf('back')
    const [one, other] = [Ed25519Signer.generate('example.org/log'), Ed25519Signer.generate('example.org/log')]
    for (const [signer, previousSigner] of [[one], [other, one], [one]] as const) {
      const opened = await openAuditLog(directory, { signer, ...(previousSigner && { previousSigner }) })
      await opened.append({ type: 'custom', data: { name: 'x' } })
      await opened.close()
    }
    expect((await verdict(directory, '-k', one.vkey)).code).toBe(0)
    expect((await verdict(directory, '-k', other.vkey)).code).toBe(4)
  })

  it('that others put in place are unknown to who knows the first', async () => {
    const directory = await directoryOf('unproven')
    const [one, other] = [Ed25519Signer.generate('example.org/log'), Ed25519Signer.generate('example.org/log')]
    for (const signer of [one, other]) {
      const opened = await openAuditLog(directory, { signer })
      await opened.append({ type: 'custom', data: { name: 'x' } })
      await opened.close()
    }
    const { code, kinds } = await verdict(directory, '-k', one.vkey)
    expect(code).toBe(4)
    expect(kinds).toContain('key_change_unproven')
    expect((await verdict(directory, '-k', other.vkey)).code).toBe(0)
  })

  it('are wrong or missing: 4; malformed: 64', async () => {
    const stranger = Ed25519Signer.generate('example.org/other')
    expect((await verdict(log.directory, '-k', stranger.vkey)).code).toBe(4)
    const unsigned = await directoryOf('unsigned')
    const opened = await openAuditLog(unsigned, { signer: false })
    await opened.append({ type: 'custom', data: { name: 'x' } })
    await opened.close()
    expect(await verdict(unsigned)).toMatchObject({ code: 4, kinds: ['checkpoint_missing'] })
    expect((await spanledger('verify', log.directory, '-k', log.vkey.replace('+', '+0'))).code).toBe(64)
  })
})

describe('what else verify says', () => {
  it('3 for a log that could not record everything, unless there is something graver', async () => {
    const directory = await log.copy()
    const opened = await openAuditLog(directory)
    const [from, to] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
    recordStatement(opened, { type: 'events_dropped', data: { count: 12, reason: 'queue_full', from, to } })
    await opened.close()
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 3, report: { droppedEvents: 12 } })
    const stranger = Ed25519Signer.generate('example.org/other')
    expect((await verdict(directory, '-k', stranger.vkey)).code).toBe(4)
    await tamper(directory, (db) => dropEntry(db, 3))
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(5)
  })

  it('66 where there is nothing to verify, 64 for what cannot be meant', async () => {
    expect((await spanledger('verify', join(log.root, 'nowhere'))).code).toBe(66)
    expect((await spanledger('verify', log.directory, 'more')).code).toBe(64)
    expect((await spanledger('verify', log.directory, '-c', join(log.root, 'nowhere'))).code).toBe(64)
    expect((await spanledger('verify', log.directory, '--threads', '0')).code).toBe(64)
    expect((await spanledger('prove', '--log', log.directory, 'x')).code).toBe(64)
  })

  it('nothing, when the signal is aborted', async () => {
    await using reader = await openAuditLog(await log.copy())
    await expect(reader.verify({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })
})

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
