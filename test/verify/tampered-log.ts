import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Level } from 'level'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { main } from '../../src/cli/main.js'
import {
  Block,
  type BlockEntry,
  type BlockSlot,
  encodeBlock,
  entrySlot,
} from '../../src/store/leveldb/entries/block.js'
import { blockKey, blockStartOf } from '../../src/store/leveldb/entries/keys.js'
import type { VerifyReport } from '../../src/verify/report.js'

export type RawDatabase = Level<Buffer, Buffer>

/** Several tenants, sessions, runs (some left open), agents, types and callers' ids. */
export async function record(log: AuditLog, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const run = {
      runId: `run-${n % 7}`,
      sessionId: `s-${n % 3}`,
      tenantId: `t-${n % 2}`,
      agent: { name: `a-${n % 4}` },
    }
    const time = new Date(Date.UTC(2026, 0, 1) + (n % 11) * 60_000).toISOString()
    if (n % 20 === 0) log.record({ ...run, time, type: 'run_started', data: { agent: { name: 'a' } } })
    else if (n % 20 === 9) log.record({ ...run, time, type: 'run_completed', data: {} })
    else log.record({ ...run, time, type: 'custom', data: { name: `entry ${n}`, ключ: '値' } })
    if (n % 50 === 0) await log.append({ ...run, id: `own-${n}`, type: 'custom', data: { name: 'own' } })
  }
  await log.flush()
}

/** Writes a log, and keeps copies of its directory and its checkpoints as it grew. */
export async function writeLog(sizes: readonly number[]) {
  const root = await mkdtemp(join(tmpdir(), 'spanledger-tampering-'))
  const directory = join(root, 'audit')
  const states: { readonly directory: string; readonly checkpoint: string }[] = []
  let written = 0
  for (const size of sizes) {
    const log = await openAuditLog(directory)
    await record(log, written, size)
    written = size
    await log.close()
    const state = join(root, `state-${size}`)
    await cp(directory, state, { recursive: true })
    states.push({ directory: state, checkpoint: await readFile(join(directory, 'checkpoint'), 'utf8') })
  }
  const vkey = (await readFile(join(directory, 'keys', 'signing.vkey'), 'utf8')).trim()
  let copies = 0
  return {
    root,
    directory,
    states,
    vkey,
    async copy(): Promise<string> {
      const target = join(root, `copy-${copies++}`)
      await cp(directory, target, { recursive: true })
      return target
    },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

/** Writes to a database of a log as whoever owns the disk can. */
export async function tamper(
  directory: string,
  change: (db: RawDatabase) => Promise<unknown>,
  database: 'entries' | 'index' = 'entries',
): Promise<void> {
  const db: RawDatabase = new Level<Buffer, Buffer>(join(directory, database), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  await db.open()
  try {
    await change(db)
  } finally {
    await db.close()
  }
}

/** The block that an entry is in. */
export async function blockOf(db: RawDatabase, seq: number): Promise<Block> {
  for await (const [key, value] of db.iterator({ gte: blockKey(0), lte: blockKey(seq), reverse: true })) {
    const firstSeq = blockStartOf(key)
    if (firstSeq !== undefined) return new Block(firstSeq, value)
  }
  throw new Error(`entry ${seq} is in no block`)
}

export async function entryAt(db: RawDatabase, seq: number): Promise<Buffer> {
  return Buffer.from((await blockOf(db, seq)).entry(seq) ?? [])
}

export function slotsOf(block: Block): BlockSlot[] {
  const seqs = Array.from({ length: block.end - block.firstSeq }, (_, at) => block.firstSeq + at)
  return seqs.map((seq) => {
    const bytes = block.entry(seq)
    return bytes ? entrySlot(bytes, block.hasCallerId(seq)) : (block.removed(seq) as BlockSlot)
  })
}

export async function putBlock(db: RawDatabase, firstSeq: number, slots: readonly BlockSlot[]): Promise<void> {
  await db.put(blockKey(firstSeq), Buffer.from(encodeBlock(slots)))
}

/** Puts another slot in the place of an entry. */
export async function replaceSlot(db: RawDatabase, seq: number, slot: BlockSlot): Promise<void> {
  const block = await blockOf(db, seq)
  await putBlock(db, block.firstSeq, slotsOf(block).with(seq - block.firstSeq, slot))
}

/** Puts other bytes in the place of an entry's. */
export async function replaceEntry(db: RawDatabase, seq: number, bytes: Uint8Array): Promise<void> {
  const block = await blockOf(db, seq)
  await replaceSlot(db, seq, entrySlot(bytes, block.hasCallerId(seq)))
}

/** Leaves an entry out: those around it stand in blocks of their own. */
export async function dropEntry(db: RawDatabase, seq: number): Promise<void> {
  const block = await blockOf(db, seq)
  const slots = slotsOf(block)
  const at = seq - block.firstSeq
  await db.del(blockKey(block.firstSeq))
  if (at > 0) await putBlock(db, block.firstSeq, slots.slice(0, at))
  if (at + 1 < slots.length) await putBlock(db, seq + 1, slots.slice(at + 1))
}

/** The bytes of all entries of a log of which none was removed. */
export async function allEntries(db: RawDatabase): Promise<Buffer[]> {
  const entries: Buffer[] = []
  for await (const [key, value] of db.iterator({ gte: blockKey(0), lt: blockKey(Number.MAX_SAFE_INTEGER) })) {
    const firstSeq = blockStartOf(key)
    if (firstSeq === undefined) continue
    for (const slot of slotsOf(new Block(firstSeq, value))) entries.push(Buffer.from((slot as BlockEntry).bytes))
  }
  return entries
}

/** The same numbers every time, without a pattern that what is tested could have too. */
export function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Returns a copy of the bytes in which one bit is another. */
export function flipped(bytes: Uint8Array, at: number, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] as number) ^ (1 << bit)
  return copy
}

/** `spanledger …` */
export async function spanledger(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(out), text(err)])
  const io = { out, err, input: new PassThrough(), env: {}, now: Date.now, signal: new AbortController().signal }
  const code = await main(argv, io)
  out.end()
  err.end()
  return { code, out: (await printed)[0], err: (await printed)[1] }
}

export interface Verdict {
  readonly code: number
  readonly kinds: readonly string[]
  readonly report: VerifyReport
}

/** `spanledger verify --json …` */
export async function verdict(...argv: string[]): Promise<Verdict> {
  const { code, out, err } = await spanledger('verify', '--json', ...argv)
  if (err !== '') throw new Error(err)
  const report = JSON.parse(out) as VerifyReport
  return { code, report, kinds: report.problems.map(({ kind }) => kind) }
}
