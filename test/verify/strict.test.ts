import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { recordStatement } from '../../src/log/statements.js'
import { openAuditLogReader } from '../../src/reader/open.js'
import { fileWitness, witnessedBy } from '../../src/witness/index.js'
import { spanledger, verdict, writeLog } from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
let kept: string
beforeAll(async () => {
  log = await writeLog([100, 200])
  kept = join(log.root, 'kept.txt')
  await writeFile(kept, log.states[0]?.checkpoint ?? '')
  await writeFile(join(log.root, 'log.vkey'), log.vkey)
})
afterAll(() => log.remove())

const first = async (...args: string[]) => (await spanledger('verify', ...args)).out.split('\n')[0]
const strictly = (...args: string[]) => verdict('--strict', ...args)

describe('the first line of the verdict says what it rests on', () => {
  it('a key and a checkpoint from elsewhere, or the log alone', async () => {
    const { directory } = log
    expect(await first(directory)).toBe(`VERIFIED by the key that lies in the log directory only  ${directory}`)
    expect(await first(directory, '-k', log.vkey)).toBe(`VERIFIED by a key given as --vkey only  ${directory}`)
    expect(await first(directory, '-k', log.vkey, '-c', kept)).toMatch(
      /^VERIFIED by 1 checkpoint kept elsewhere and a key given as --vkey \(1\d\d entries\) {2}/,
    )
  })

  it('a checkpoint that is given twice counts once', async () => {
    const { report } = await verdict(log.directory, '-k', log.vkey, '-c', kept, '-c', kept)
    expect(report.basis.checkpointsElsewhere).toBe(1)
  })

  it('and so does the report', async () => {
    const { report } = await verdict(log.directory, '-c', kept)
    expect(report.basis).toMatchObject({ keys: 'log', checkpointsElsewhere: 1, witnesses: [] })
    expect(report.basis.anchoredSize).toBeGreaterThan(99)
    await using reader = await openAuditLogReader(log.directory)
    expect(await reader.verify()).toMatchObject({
      basis: { keys: 'log', checkpointsElsewhere: 0, witnesses: [], anchoredSize: 0 },
    })
  })
})

describe('a strict verdict', () => {
  it('is verified by a key and a checkpoint from elsewhere', async () => {
    expect(await strictly(log.directory, '-k', log.vkey, '-c', kept)).toMatchObject({ code: 0, kinds: [] })
  })

  it('fails where the key was taken from the log, by whatever path', async () => {
    const inside = join(log.directory, 'keys', 'signing.vkey')
    for (const keys of [[], ['-k', inside]]) {
      expect(await strictly(log.directory, ...keys, '-c', kept)).toMatchObject({ code: 6, kinds: ['key_not_given'] })
    }
    const outside = join(log.root, 'log.vkey')
    expect((await strictly(log.directory, '-k', outside, '-c', kept)).code).toBe(0)
    await using open = await openAuditLog(await log.copy())
    expect(await open.verify({ strict: true, checkpoints: [await readFile(kept, 'utf8')] })).toMatchObject({
      status: 'unproven',
      problems: [{ kind: 'key_not_given' }],
    })
  })

  it('fails where nothing outside the log vouches for it', async () => {
    const inside = join(log.directory, 'checkpoint')
    for (const checkpoints of [[], ['-c', inside]]) {
      const found = await strictly(log.directory, '-k', log.vkey, ...checkpoints)
      expect(found).toMatchObject({ code: 6, kinds: ['anchor_missing'] })
    }
    const copied = join(log.root, 'copied.txt')
    await copyFile(inside, copied)
    expect((await strictly(log.directory, '-k', log.vkey, '-c', copied)).code).toBe(0)
  })

  it('takes enough trusted witnesses in place of a checkpoint', async () => {
    const directory = join(log.root, 'witnessed')
    const signer = Ed25519Signer.generate('example.org/witnessed')
    const witnesses = await Promise.all(['one', 'two'].map((name) => fileWitness(join(log.root, name), { name })))
    const publishCheckpoint = witnessedBy(witnesses.slice(0, 1))
    await using open = await openAuditLog(directory, { signer, publishCheckpoint })
    await open.append({ type: 'custom', data: { name: 'x' } })
    await open.close()
    const [one, two] = witnesses.map(({ vkey }) => ['--witness-vkey', vkey]) as [string[], string[]]
    const found = await strictly(directory, '-k', signer.vkey, ...one, ...two)
    expect(found).toMatchObject({
      code: 0,
      report: { basis: { anchoredSize: 1, witnesses: [expect.stringMatching(/^one\+/)] } },
    })
    expect(await first(directory, '-k', signer.vkey, ...one)).toContain(
      'by 1 witness and a key given as --vkey (1 entries)',
    )
    for (const args of [two, [...one, ...two, '--witness-quorum', '2'], []]) {
      expect(await strictly(directory, '-k', signer.vkey, ...args)).toMatchObject({
        code: 6,
        kinds: ['anchor_missing'],
      })
    }
    const note = (await readFile(join(directory, 'checkpoint'), 'utf8')).trimEnd().split('\n')
    const forged = `${note.at(-1)?.slice(0, -8)}AAAAAAA=`
    await writeFile(join(directory, 'checkpoint'), `${[...note.slice(0, -1), forged].join('\n')}\n`)
    const altered = await verdict(directory, '-k', signer.vkey, ...one)
    expect(altered.kinds).toContain('checkpoint_altered')
  })

  it('fails where entries are not covered that are older than two checkpoint intervals, or not of their time', async () => {
    const directory = await log.copy()
    const unsigned = await openAuditLog(directory, { signer: false })
    await unsigned.append({ type: 'custom', data: { name: 'not covered' } })
    const [entry] = await unsigned.events({ order: 'desc', limit: 1 }).toArray()
    await unsigned.close()
    const recordedAt = Date.parse(entry?.recordedAt ?? '')
    await using reader = await openAuditLogReader(directory)
    const trusted = { logKeys: [log.vkey], checkpoints: [await readFile(kept, 'utf8')], strict: true }
    const at = async (now: number, checkpointIntervalMillis?: number) =>
      await reader.verify({ ...trusted, now: () => now, ...(checkpointIntervalMillis && { checkpointIntervalMillis }) })
    expect((await at(recordedAt + 1_500)).status).toBe('verified')
    const span = [{ from: entry?.seq, to: (entry?.seq ?? 0) + 1 }]
    expect(await at(recordedAt + 2_500)).toMatchObject({
      status: 'unproven',
      problems: [{ kind: 'uncovered', entries: span }],
    })
    expect((await at(recordedAt + 2_500, 2_000)).status).toBe('verified')
    // An entry that says it was recorded in the future is not younger for that.
    expect((await at(recordedAt - 60_000)).problems).toMatchObject([{ kind: 'uncovered' }])
    const exported = join(log.root, 'uncovered.jsonl')
    await writeFile(exported, (await spanledger('export', '--log', directory)).out)
    // The command itself took longer than twice this.
    const soon = ['--checkpoint-interval', '1']
    expect(await strictly(exported, '-k', log.vkey, '-c', kept, ...soon)).toMatchObject({
      code: 6,
      kinds: ['uncovered'],
    })
    expect((await strictly(directory, '-k', log.vkey, '-c', kept, '--checkpoint-interval', '86400000')).code).toBe(0)
  })

  it('fails where events were taken over that nothing attests; the plain verdict counts them in a line', async () => {
    const directory = await log.copy()
    const opened = await openAuditLog(directory)
    const [from, to] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
    recordStatement(opened, { type: 'events_recovered', data: { count: 7, unattested: 5, from, to } })
    recordStatement(opened, { type: 'events_recovered', data: { count: 2, unattested: 0, from, to } })
    await opened.close()
    const { code, out } = await spanledger('verify', directory, '-k', log.vkey)
    expect(code).toBe(0)
    expect(out).toContain('  5 events taken over after a crash, attested by nothing outside\n')
    const { report } = await verdict(directory, '-k', log.vkey)
    expect(report).toMatchObject({ recoveredEvents: 9, unattestedEvents: 5 })
    expect(await strictly(directory, '-k', log.vkey, '-c', kept)).toMatchObject({
      code: 6,
      kinds: ['recovered_unattested'],
    })
  })

  it('does not hide what is graver, and is asked for in the API with options that are checked', async () => {
    const stranger = Ed25519Signer.generate('example.org/other')
    expect((await strictly(log.directory, '-k', stranger.vkey)).code).toBe(4)
    await using reader = await openAuditLogReader(log.directory)
    for (const options of [{ strict: 'yes' }, { now: 5 }, { checkpointIntervalMillis: -1 }, { witnessQuorum: 2 }]) {
      await expect(reader.verify(options as never)).rejects.toThrow(TypeError)
    }
    await expect(reader.verify({ witnessKeys: [log.vkey] })).rejects.toMatchObject({ code: 'AUDIT_KEY_INVALID' })
    expect((await spanledger('verify', log.directory, '--witness-vkey', log.vkey)).code).toBe(64)
  })
})
