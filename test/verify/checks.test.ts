import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer, formatCheckpoint, parseCheckpoint, parseNote, signNote } from '../../src/checkpoint/index.js'
import type { AuditEventInput } from '../../src/events/types.js'
import { DirectorySource } from '../../src/inspection/directory-source.js'
import { HeadFile, readHeadFile } from '../../src/log/journal/head-file.js'
import { OWN_SOURCE } from '../../src/log/own-source.js'
import { recordStatement } from '../../src/log/statements.js'
import { entrySlot } from '../../src/store/leveldb/entries/block.js'
import { tileKey } from '../../src/store/leveldb/entries/keys.js'
import { timeBlockKey } from '../../src/store/leveldb/indexes/keys.js'
import type { Check } from '../../src/verify/checks/check.js'
import { CHECKPOINT_CHECKS, checkpointsHold } from '../../src/verify/checks/checkpoint-checks.js'
import { CONTENT_CHECKS, contentIntact } from '../../src/verify/checks/content-checks.js'
import { CHECKS } from '../../src/verify/checks/log-checks.js'
import type { Finding, FindingKind } from '../../src/verify/findings.js'
import type { VerifyOptions } from '../../src/verify/options.js'
import { type VerifiedLog, verifySource } from '../../src/verify/verify-log.js'
import { entryAt, putBlock, tamper, writeLog } from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
let trusted: { readonly logKeys: readonly string[]; readonly checkpoints: readonly string[] }
/** A checkpoint of the log as it is, and its parts. */
let newest: string
beforeAll(async () => {
  log = await writeLog([100, 300])
  newest = log.states[1]?.checkpoint ?? ''
  trusted = { logKeys: [log.vkey], checkpoints: [log.states[0]?.checkpoint ?? ''] }
})
afterAll(() => log.remove())

/** A log that has one fault, and the trust that it is verified by. */
interface FaultyLog {
  readonly directory?: string
  readonly options?: VerifyOptions
}

/** The longest that there may be: no entry of the test is older than two of these. */
const checkpointIntervalMillis = 2 ** 31 - 1
const strict = { strict: true, checkpointIntervalMillis }

/** By the name of each check: what makes a log fail it. */
const FAULTS: Readonly<Record<string, () => Promise<FaultyLog>>> = {
  checkpointsWellFormed: async () => ({ options: { ...trusted, checkpoints: ['no note'] } }),
  checkpointsOfLog: async () => ({
    options: { ...trusted, checkpoints: [await signed({ origin: 'example.org/other' })] },
  }),
  'checkpointsHold/signatureIntact': async () => {
    const checkpoint = newest.replace(/.{8}\n$/, 'AAAAAAA=\n')
    return { options: { ...trusted, checkpoints: [checkpoint] } }
  },
  'checkpointsHold/signatureTrusted': async () => {
    const stranger = Ed25519Signer.generate(log.vkey.split('+')[0] as string)
    return { options: { ...trusted, checkpoints: [await signed({}, stranger)] } }
  },
  'checkpointsHold/coveredEntriesPresent': async () => ({
    options: { ...trusted, checkpoints: [await signed({ size: 5_000n })] },
  }),
  'checkpointsHold/logContinues': async () => ({
    options: { ...trusted, checkpoints: [await signed({ root: Buffer.alloc(32, 1) })] },
  }),
  checkpointBesideLog: async () => {
    const directory = await log.copy()
    await rm(join(directory, 'checkpoint'))
    return { directory }
  },
  committedEntriesPresent: async () => {
    const directory = await log.copy()
    const head = readHeadFile(join(directory, 'head'))
    if (typeof head !== 'object') throw new Error('the log has no file head')
    const file = new HeadFile(join(directory, 'head'))
    file.write(head.size + 5, Buffer.from(head.leaf, 'hex'))
    file.close()
    return { directory }
  },
  // An entry that is another has another root as well: that the log does not continue its checkpoint is the same fault.
  'contentIntact/entriesIntact': async () => {
    const directory = await log.copy()
    const { size } = (await verifiedOnce()).report
    await tamper(directory, async (db) => await putBlock(db, size, [entrySlot(await entryAt(db, 40), false)]))
    return { directory }
  },
  'contentIntact/treeIntact': async () => {
    const directory = await log.copy()
    await tamper(directory, (db) => db.put(tileKey(1, 0, 0), Buffer.alloc(32, 1)))
    return { directory }
  },
  'contentIntact/indexAgrees': async () => {
    const directory = await log.copy()
    await tamper(directory, (db) => db.del(timeBlockKey(0, 0)), 'index')
    return { directory }
  },
  keyChangesProven: () =>
    stating('signing_key_changed', { from: 'x', to: Ed25519Signer.generate('example.org/x').vkey }),
  checkpointPresent: async () => {
    const directory = join(log.root, 'unsigned')
    const open = await openAuditLog(directory, { signer: false })
    await open.append({ type: 'custom', data: { name: 'x' } })
    await open.close()
    return { directory, options: { logKeys: [log.vkey], origin: 'example.org/unsigned' } }
  },
  neverDiverged: () => stating('audit_log_diverged', {}),
  nothingDropped: () => stating('events_dropped', { count: 3, reason: 'queue_full' }),
  keysGiven: async () => ({ options: { checkpoints: trusted.checkpoints, ...strict } }),
  anchorPresent: async () => ({ options: { logKeys: trusted.logKeys, ...strict } }),
  dueEntriesCovered: async () => {
    const directory = await log.copy()
    const open = await openAuditLog(directory, { signer: false })
    await open.append({ type: 'custom', data: { name: 'not covered by a checkpoint' } })
    await open.close()
    return { directory, options: { ...trusted, ...strict, now: () => Date.now() + 3 * checkpointIntervalMillis } }
  },
  recoveredAttested: async () => {
    const { directory } = await stating('events_recovered', { count: 7, unattested: 5 })
    return { directory, options: { ...trusted, ...strict } }
  },
}

describe('a log with one fault is found by the check for it, and by no other', () => {
  it.each(Object.keys(FAULTS))('%s', async (name) => {
    const { directory = log.directory, options = trusted } = await (FAULTS[name] as () => Promise<FaultyLog>)()
    expect(failedBy(await verified(directory, options))).toEqual([name])
  })

  it('and one without a fault by none, also strictly', async () => {
    expect(failedBy(await verified(log.directory, { ...trusted, ...strict }))).toEqual([])
  })
})

/** Findings that no test of one log can make alone: by each kind, the check that it fails. */
const CONTENT: Readonly<Record<FindingKind, string>> = {
  entry_missing: 'entriesIntact',
  entry_unexpected: 'entriesIntact',
  entry_unreadable: 'entriesIntact',
  leaf_mismatch: 'entriesIntact',
  tile_altered: 'treeIntact',
  head_altered: 'headAgrees',
  database_unreadable: 'databaseReadable',
  directory_altered: 'directoryAgrees',
  removal_unrecorded: 'removalsRecorded',
  record_unknown: 'recordsKnown',
  posting_missing: 'indexAgrees',
  posting_stray: 'indexAgrees',
  index_unreadable: 'indexAgrees',
  time_block_altered: 'indexAgrees',
  caller_id_altered: 'indexAgrees',
  open_run_altered: 'indexAgrees',
  run_row_altered: 'indexAgrees',
  content_missing: 'itemsKept',
  content_damaged: 'itemsKept',
  content_unexpected: 'itemsKept',
}

test.each(Object.entries(CONTENT))('the finding %s fails %s, and no other check', async (kind, name) => {
  const { evidence, ...rest } = await verifiedOnce()
  const { size } = evidence.inspection
  const finding = { kind: kind as FindingKind, count: 1, spans: [{ from: size - 1, to: size }], details: ['so'] }
  const inspection = { ...evidence.inspection, findings: [finding] }
  const failed = failedBy({ ...rest, evidence: { ...evidence, inspection, provenSize: size - 1 } })
  expect(failed).toEqual([`contentIntact/${name}`])
})

test('a leaf hash of an entry that is proved was altered itself', async () => {
  const { evidence, ...rest } = await verifiedOnce()
  const finding: Finding = { kind: 'leaf_mismatch', count: 1, spans: [{ from: 0, to: 1 }], details: ['so'] }
  const inspection = { ...evidence.inspection, findings: [finding] }
  expect(failedBy({ ...rest, evidence: { ...evidence, inspection } })).toEqual(['contentIntact/treeIntact'])
})

test('every check has a log that fails it', () => {
  const tested = [...Object.keys(FAULTS), ...Object.values(CONTENT).map((name) => `contentIntact/${name}`)]
  expect(new Set(tested)).toEqual(new Set(namesOf(CHECKS)))
})

let once: Promise<VerifiedLog> | undefined
function verifiedOnce(): Promise<VerifiedLog> {
  once ??= verified(log.directory, trusted)
  return once
}

async function verified(directory: string, options: VerifyOptions): Promise<VerifiedLog> {
  const source = await DirectorySource.open(directory, { entriesOnly: options.entriesOnly })
  return await verifySource(source, options).finally(() => source.close())
}

/** Returns the names of the checks that fail: those of a group behind its name. */
function failedBy({ evidence, policy }: Pick<VerifiedLog, 'evidence' | 'policy'>): string[] {
  const { checkpoints, inspection, provenSize } = evidence
  const fails = <E>(checks: readonly Check<E>[], of: readonly E[]) =>
    checks.filter((each) => of.some((one) => each.check(one, policy).length > 0)).map(({ name }) => name)
  const ofCheckpoints = checkpoints.map((checkpoint) => ({ checkpoint, log: evidence }))
  const ofFindings = inspection.findings.map((finding) => ({ finding, provenSize }))
  const alone = CHECKS.filter((each) => each !== checkpointsHold && each !== contentIntact)
  return [
    ...fails(alone, [evidence]),
    ...fails(CHECKPOINT_CHECKS, ofCheckpoints).map((name) => `checkpointsHold/${name}`),
    ...fails(CONTENT_CHECKS, ofFindings).map((name) => `contentIntact/${name}`),
  ]
}

function namesOf(checks: readonly Check[]): string[] {
  return checks.flatMap((each) => {
    if (each === checkpointsHold) return CHECKPOINT_CHECKS.map(({ name }) => `${each.name}/${name}`)
    if (each === contentIntact) return CONTENT_CHECKS.map(({ name }) => `${each.name}/${name}`)
    return [each.name]
  })
}

/** Returns the newest checkpoint with other parts, signed by the log's key unless another is given. */
async function signed(
  parts: { readonly origin?: string; readonly size?: bigint; readonly root?: Uint8Array },
  signer?: Ed25519Signer,
): Promise<string> {
  const key =
    signer ?? Ed25519Signer.fromSkey((await readFile(join(log.directory, 'keys', 'signing.key'), 'utf8')).trim())
  return await signNote(formatCheckpoint({ ...parseCheckpoint(parseNote(newest).text), ...parts }), [key])
}

/** Returns a log that states something about itself, under a signed checkpoint. */
async function stating(type: string, data: object): Promise<FaultyLog & { readonly directory: string }> {
  const directory = await log.copy()
  const open: AuditLog = await openAuditLog(directory)
  const [from, to] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
  recordStatement(open, { type, source: OWN_SOURCE, data: { from, to, ...data } } as unknown as AuditEventInput)
  await open.close()
  return { directory }
}
