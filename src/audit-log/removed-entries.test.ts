import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { removeEntries } from '../../test/support/remove-entries.js'
import { spanledger } from '../../test/verify/tampered-log.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import { EntryRemovedError } from '../events/errors.js'
import type { AuditEventInput } from '../events/types.js'
import { exportLog } from '../export/index.js'
import { forwardAuditLog } from '../forward/index.js'
import { type AuditLog, type AuditLogReader, openAuditLog, openAuditLogReader } from '../index.js'
import { memoryStore } from '../store/memory/index.js'
import { hashLeaf, verifyReceipt } from '../verify/index.js'

// A log of which entries were removed: by whom and why is what the entry says under which they were.

const SIZE = 40
/** The start of run 1, an event of run 2, the end of run 3, and an event with an id of its caller's. */
const REMOVED = [3, 7, 11, 20]
const UNDER = 39
const signer = Ed25519Signer.generate('log.example')

let base: string
let directory: string
let before: ReadonlyMap<number, Uint8Array>

/** Four events for each of ten runs. */
function event(n: number): AuditEventInput {
  const run = n % 4
  const scope = { runId: `r-${run}`, sessionId: `s-${run}`, agent: { name: `a-${run}` }, tenantId: 't' }
  if (n < 4) return { ...scope, type: 'run_started', data: { agent: scope.agent } }
  if (n >= 8 && n < 12) return { ...scope, type: 'run_completed', data: {} }
  if (n === 20) return { ...scope, type: 'custom', id: 'mine', data: { name: 'removed' } }
  return { ...scope, type: 'tool_call_completed', data: { callId: `c-${n}`, tool: { name: `t-${run}` } } }
}

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
  const log = await openAuditLog(directory, { signer })
  for (let n = 0; n < SIZE; n++) await log.append(event(n))
  await log.checkpoint()
  before = new Map((await log.entries().toArray()).map(({ seq, bytes }) => [seq, bytes]))
  await log.close()
  await removeEntries(directory, REMOVED, UNDER)
})
afterAll(() => rm(base, { recursive: true, force: true }))

const readers: readonly [string, () => Promise<AuditLogReader & { close(): Promise<unknown> }>][] = [
  ['an open log', () => openAuditLog(directory, { signer })],
  ['a reader', () => openAuditLogReader(directory)],
]

describe.each(readers)('of removed entries, %s', (_, open) => {
  let log: AuditLogReader & { close(): Promise<unknown> }
  beforeAll(async () => {
    log = await open()
  })
  afterAll(async () => {
    await log.close()
  })
  const left = Array.from({ length: SIZE }, (_, seq) => seq).filter((seq) => !REMOVED.includes(seq))
  const seqsOf = (events: readonly { readonly seq: number }[]) => events.map(({ seq }) => seq)

  it('lists the others, in either order, with as many as were asked for', async () => {
    expect(seqsOf(await log.events().toArray())).toEqual(left)
    expect(seqsOf(await log.entries({ order: 'desc' }).toArray())).toEqual(left.toReversed())
    expect(seqsOf(await log.events({ limit: 10 }).toArray())).toEqual(left.slice(0, 10))
    expect(seqsOf(await log.events({ afterSeq: 5, beforeSeq: 13 }).toArray())).toEqual([6, 8, 9, 10, 12])
    expect(seqsOf(await log.events({ afterSeq: 6, beforeSeq: 8 }).toArray())).toEqual([])
  })

  it('finds and counts the others by every filter', async () => {
    for (const query of [
      {},
      { runId: 'r-3' },
      { sessionId: 's-3', type: 'tool_call_completed' },
      { agent: 'a-0' },
      { tool: 't-3' },
      { since: '2000-01-01T00:00:00Z' },
      { type: 'run_started', since: '2000-01-01T00:00:00Z' },
    ] as const) {
      const found = seqsOf(await log.events(query).toArray())
      expect(found.some((seq) => REMOVED.includes(seq))).toBe(false)
      expect(await log.events(query).count()).toBe(found.length)
      expect(await log.events({ ...query, limit: 2 }).count()).toBe(2)
    }
    expect(await log.events().count()).toBe(SIZE - REMOVED.length)
    expect(await log.events({ runId: 'r-3' }).count()).toBe(7)
  })

  it('reads the others in pages', async () => {
    const events = log.events()
    const seqs: number[] = []
    let cursor: string | undefined
    do {
      const page = await events.page({ size: 3, ...(cursor !== undefined && { cursor }) })
      seqs.push(...seqsOf(page.items))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seqs).toEqual(left)
  })

  it('sums up the others', async () => {
    const { total } = await log.stats({})
    expect(total.runs).toMatchObject({ started: 3, completed: 3 })
    const runs = await log.runs().toArray()
    expect(runs.map(({ runId, status }) => [runId, status])).toEqual([
      ['r-0', 'completed'],
      ['r-1', 'completed'],
      ['r-2', 'completed'],
    ])
    expect(await log.run('r-3')).toMatchObject({ eventCount: 7, status: 'running' })
    expect(await log.sessions().toArray()).toMatchObject([{}, {}, {}, { sessionId: 's-3', events: 7, firstSeq: 15 }])
    expect(await log.agents().toArray()).toHaveLength(4)
  })

  it('follows past them', async () => {
    const ending = new AbortController()
    const seqs: number[] = []
    for await (const { seq } of log.follow({}, { afterSeq: -1, signal: ending.signal })) {
      seqs.push(seq)
      if (seq === SIZE - 1) ending.abort()
    }
    expect(seqs).toEqual(left)
  })

  it('says of each that it was removed, and under which entry', async () => {
    for (const seq of REMOVED) {
      const failure = await log.get(seq).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(EntryRemovedError)
      expect(failure).toMatchObject({ code: 'AUDIT_ENTRY_REMOVED', seq, removedUnder: UNDER })
    }
    expect(await log.get(4)).toMatchObject({ seq: 4 })
    expect(await log.get(SIZE + 9)).toBeUndefined()
    expect(await log.head()).toMatchObject({ removedEntries: REMOVED.length })
  })

  it('proves the leaf hash that each had', async () => {
    for (const seq of [...REMOVED, 4]) {
      const { leafHash, receipt } = await log.prove(seq)
      expect(leafHash).toEqual(hashLeaf(before.get(seq) as Uint8Array))
      const trust = { origin: signer.name, logKeys: [signer.vkey] }
      expect(verifyReceipt(receipt as string, leafHash, trust).index).toBe(BigInt(seq))
    }
  })

  it('exports the others, and tells how many there are not', async () => {
    const exported = exportLog(log, { format: 'jsonl' })
    let text = ''
    for await (const chunk of exported) text += Buffer.from(chunk).toString()
    expect(text.trim().split('\n')).toEqual(left.map((seq) => Buffer.from(before.get(seq) as Uint8Array).toString()))
    expect(exported).toMatchObject({ events: left.length, removedEntries: REMOVED.length, afterSeq: SIZE - 1 })
  })

  it('is not forwarded as if it had never had them', async () => {
    const remote = memoryStore()
    const forwarder = forwardAuditLog(log as AuditLog, remote, { onProblem: () => {} })
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_ENTRY_REMOVED', seq: 3, removedUnder: UNDER })
    expect(forwarder.progress()).toMatchObject({ status: 'stopped', remoteSize: 3 })
    await forwarder.close()
  })
})

describe('of removed entries, a log that goes on', () => {
  it('recognises the id of one, and stores nothing under it', async () => {
    const copy = join(base, 'goes-on')
    const log = await openAuditLog(copy)
    await log.append({ type: 'custom', id: 'mine', data: { name: 'x' } })
    await log.append({ type: 'custom', data: { name: 'y' } })
    await log.close()
    await removeEntries(copy, [0], 1)
    const again = await openAuditLog(copy)
    const removed = { code: 'AUDIT_ENTRY_REMOVED', seq: 0, removedUnder: 1 }
    for (const name of ['x', 'other']) {
      await expect(again.append({ type: 'custom', id: 'mine', data: { name } })).rejects.toMatchObject(removed)
    }
    const { seq } = await again.append({ type: 'custom', id: 'mine', tenantId: 'other', data: { name: 'x' } })
    expect(seq).toBe(2)
    expect(await again.head()).toMatchObject({ size: 3, removedEntries: 1 })
    await again.close()
  })

  it('ends the runs of which it still has the beginnings', async () => {
    const [directoryOf, copy] = [join(base, 'runs'), join(base, 'died')]
    const log = await openAuditLog(directoryOf)
    for (const runId of ['r-1', 'r-2']) await log.append({ type: 'run_started', runId, data: { agent: { name: 'a' } } })
    await log.append({ type: 'custom', runId: 'r-2', data: { name: 'x' } })
    copyLive(directoryOf, copy)
    await log.close()
    await removeEntries(copy, [0, 2], 1)
    const again = await openAuditLog(copy)
    expect(await again.runs({ status: 'interrupted' }).toArray()).toMatchObject([{ runId: 'r-2' }])
    await again.close()
  })
})

describe('of removed entries, the command line', () => {
  it('verifies the rest, and says how many there are', async () => {
    const { code, out } = await spanledger('verify', directory, '-k', signer.vkey)
    expect(code).toBe(5)
    expect(out).toContain('4 entries were removed')
    expect(out).toContain('entry 3 is removed under entry 39, which does not record that')
  })

  it('tells with an export that it leaves them out', async () => {
    const file = join(base, 'audit.jsonl')
    const { out } = await spanledger('export', '--log', directory, '-o', file, '--json')
    expect(JSON.parse(out)).toMatchObject({ events: SIZE - REMOVED.length, removedEntries: REMOVED.length })
    expect((await spanledger('export', '--log', directory)).err).toContain('4 removed entries of the log are left out')
  })

  it('proves one without its bytes', async () => {
    const receipt = join(base, 'receipt')
    expect(await spanledger('prove', directory, '7', '-o', receipt)).toMatchObject({ code: 0 })
    expect(await readFile(receipt, 'utf8')).not.toContain('extra')
  })

  it('writes tiles with an empty place for each, of which the tree holds', async () => {
    const tiles = join(base, 'tiles')
    expect(await spanledger('export', '--log', directory, '--tiles', tiles)).toMatchObject({ code: 0 })
    const { code, out } = await spanledger('verify', tiles, '-k', signer.vkey, '--json')
    const report = JSON.parse(out)
    expect(report).toMatchObject({ removedEntries: REMOVED.length, size: SIZE, provenSize: SIZE })
    const kinds = report.problems.map(({ kind }: { readonly kind: string }) => kind)
    expect({ code, kinds }).toEqual({ code: 5, kinds: ['removal_unrecorded'] })
  })
})
