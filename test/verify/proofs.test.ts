import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer, openCheckpoint, parseCheckpoint, parseNote } from '../../src/checkpoint/index.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { hashLeaf, verifyConsistency, verifyInclusion } from '../../src/tree/index.js'
import { verifyReceipt } from '../../src/verify/index.js'
import { fileWitness, witnessedBy } from '../../src/witness/index.js'
import { writeLog } from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  log = await writeLog([100, 400])
})
afterAll(() => log.remove())

const origin = () => log.vkey.split('+')[0] as string
const trust = () => ({ origin: origin(), logKeys: [log.vkey] })
const statedBy = (note: string) => parseCheckpoint(parseNote(note).text)

describe('prove', () => {
  it('gives a receipt for every entry, from an open log and from another process', async () => {
    await using reader = await openAuditLogReader(log.directory)
    for (const { seq, bytes } of await reader.entries().toArray()) {
      const { receipt, checkpoint, leafHash } = await reader.prove(seq)
      const verified = verifyReceipt(receipt ?? '', hashLeaf(bytes), trust())
      expect(verified.index).toBe(BigInt(seq))
      expect(checkpoint).toBe(log.states.at(-1)?.checkpoint)
      expect(() => verifyReceipt(receipt ?? '', hashLeaf(Buffer.concat([bytes, bytes])), trust())).toThrow()
      expect(leafHash).toEqual(hashLeaf(bytes))
    }
  })

  it('signs a checkpoint for an entry that none covers yet, where the log is open', async () => {
    const directory = await log.copy()
    await using open = await openAuditLog(directory, { checkpointIntervalMillis: 2 ** 31 - 1 })
    await open.append({ type: 'custom', data: { name: 'first' } })
    await open.checkpoint()
    const { seq, leafHash } = await open.append({ type: 'custom', data: { name: 'second' } })
    await using reader = await openAuditLogReader(directory)
    await expect(reader.prove(seq)).rejects.toMatchObject({
      code: 'AUDIT_CHECKPOINT_MISSING',
      message: expect.stringMatching(`that covers entry ${seq}: the newest covers ${seq} of ${seq + 1} entries$`),
    })
    const { receipt, size } = await open.prove(seq)
    expect(size).toBe(seq + 1)
    verifyReceipt(receipt ?? '', leafHash, trust())
    // The reader finds it in the file, before a commit brings it to the database.
    verifyReceipt((await reader.prove(seq)).receipt ?? '', leafHash, trust())
  })

  it('proves for any size that is asked for, unsigned', async () => {
    await using reader = await openAuditLogReader(log.directory)
    for (const size of [6, 8, 256, 257, 300]) {
      const { root, proof, leafHash, receipt } = await reader.prove(5, { size })
      expect(receipt).toBeUndefined()
      verifyInclusion({ leafHash, index: 5, size, root, proof })
    }
    for (const size of [5, 0, 1.5, 100_000]) {
      await expect(reader.prove(5, { size })).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
    }
    await expect(reader.prove(-1)).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
    const { size } = await reader.head()
    await expect(reader.prove(1_000_000)).rejects.toMatchObject({
      code: 'AUDIT_CHECKPOINT_MISSING',
      message: expect.stringMatching(`no entry 1000000: it has ${size} entries, of which the newest .* covers \\d+$`),
    })
    await expect(reader.prove(5, { sise: 7 } as never)).rejects.toThrow(/did you mean 'size'/)
  })
})

describe('proveConsistency', () => {
  it('proves that the log continues each checkpoint that was kept of it, and no other', async () => {
    await using reader = await openAuditLogReader(log.directory)
    for (const { checkpoint: older } of log.states) {
      const { size1, size2, proof, checkpoint } = await reader.proveConsistency(older)
      const [one, two] = [statedBy(older), openCheckpoint(checkpoint, trust())]
      expect([BigInt(size1), BigInt(size2)]).toEqual([one.size, two.size])
      verifyConsistency({ size1, root1: one.root, size2, root2: two.root, proof })
    }
    await using early = await openAuditLogReader(log.states[0]?.directory ?? '')
    await expect(early.proveConsistency(log.states[1]?.checkpoint ?? '')).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
    })
    await using stranger = await openAuditLog({ store: memoryStore(), signer: Ed25519Signer.generate('x.org') })
    for (let n = 0; n < 50; n++) stranger.record({ type: 'custom', data: { name: `${n}` } })
    const other = (await stranger.checkpoint()) ?? ''
    await expect(reader.proveConsistency(other)).rejects.toMatchObject({ code: 'AUDIT_PROOF_INVALID' })
  })
})

describe('evidence', () => {
  it('is an answer with a receipt for each entry, all for one checkpoint', async () => {
    const directory = await log.copy()
    await using open = await openAuditLog(directory)
    await open.append({ type: 'custom', runId: 'run-3', data: { name: 'new' } })
    const { checkpoint, size, entries } = await open.evidence({ runId: 'run-3', order: 'desc' })
    expect(size).toBe((await open.head()).size)
    const expected = (await open.events({ runId: 'run-3', order: 'desc' }).toArray()).map(({ seq }) => seq)
    const seqs: number[] = []
    for await (const { seq, bytes, receipt } of entries) {
      expect(verifyReceipt(receipt, hashLeaf(bytes), trust()).checkpoint.size).toBe(statedBy(checkpoint).size)
      seqs.push(seq)
    }
    expect(seqs).toEqual(expected)
    expect(seqs[0]).toBe(size - 1)
    await expect(open.evidence({ runid: 'x' } as never)).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  })
})

describe('verify', () => {
  it('verifies a log in memory too', async () => {
    const signer = Ed25519Signer.generate('example.org/memory')
    await using open = await openAuditLog({ store: memoryStore(), signer })
    for (let n = 0; n < 600; n++) open.record({ type: 'custom', data: { name: `${n}` } })
    // A store of one's own has its checkpoints with the commits that follow them.
    await open.checkpoint()
    await open.append({ type: 'custom', data: { name: 'last' } })
    expect(await open.verify()).toMatchObject({ status: 'verified', size: 601 })
    const [stranger] = [Ed25519Signer.generate('example.org/memory').vkey]
    expect(await open.verify({ logKeys: [stranger] })).toMatchObject({ status: 'unknown_key', provenSize: 0 })
  })

  it('says how far it has come', async () => {
    await using reader = await openAuditLogReader(log.directory)
    const told: number[] = []
    const report = await reader.verify({ onProgress: ({ entries }) => told.push(entries) })
    expect(report).toMatchObject({ size: told.at(-1) })
    await expect(reader.verify({ thread: 2 } as never)).rejects.toThrow(/did you mean 'threads'/)
    await expect(reader.verify({ logKeys: ['x'] })).rejects.toMatchObject({ code: 'AUDIT_KEY_INVALID' })
  })
})

describe('a witness on another disk', () => {
  it('has its cosignature in the checkpoints that the log keeps', async () => {
    const directory = join(log.root, 'witnessed')
    const witness = await fileWitness(join(log.root, 'other-disk'), { name: 'witness.example/other-disk' })
    for (let time = 0; time < 2; time++) {
      const open = await openAuditLog(directory, { publishCheckpoint: witnessedBy([witness]) })
      for (let n = 0; n < 100; n++) open.record({ type: 'custom', data: { name: `${n}` } })
      await open.close()
    }
    const vkey = (await readFile(join(directory, 'keys', 'signing.vkey'), 'utf8')).trim()
    const opened = openCheckpoint(await readFile(join(directory, 'checkpoint')), {
      origin: vkey.split('+')[0] as string,
      logKeys: [vkey],
      witnessKeys: [witness.vkey],
      witnessQuorum: 1,
    })
    expect(opened.cosignatures).toMatchObject([{ name: 'witness.example/other-disk' }])
    await using reader = await openAuditLogReader(directory)
    expect(await reader.verify({ logKeys: [vkey] })).toMatchObject({ status: 'verified', size: 200 })
  })
})
