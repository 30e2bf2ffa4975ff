import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import type { Condition } from '../../src/cli/condition.js'
import { recordStatement } from '../../src/log/statements.js'
import { copyLive } from '../support/copy-live.js'
import { run } from './command-line.js'

let base: string
let directory: string
let log: AuditLog

const note = (name: string) => ({ type: 'custom' as const, data: { name } })

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
  log = await openAuditLog(directory, { checkpointIntervalMillis: 3_600_000 })
  for (const name of ['a', 'b', 'c']) await log.append(note(name))
})

afterEach(async () => {
  await log.close()
  await rm(base, { recursive: true, force: true })
})

/** What the process would leave behind that died now, with two events that only the journal has. */
function deadLog(): string {
  log.record(note('d'))
  log.record(note('e'))
  const image = join(base, 'dead')
  copyLive(directory, image)
  return image
}

async function asked(of: string): Promise<Condition> {
  const { code, out, err } = await run(['doctor', '--log', of, '--json'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as Condition
}

const told = async (of: string) => (await run(['doctor', of])).out
const newestSegment = async (of: string) =>
  join(of, 'journal', (await readdir(join(of, 'journal'))).sort().at(-1) as string)

/** What a look at it must leave as it is. */
async function filesOf(of: string): Promise<Record<string, unknown>> {
  const names = (await readdir(of, { recursive: true })).sort()
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => {
        const { size, mtimeMs, mode } = await stat(join(of, name))
        return [name, { size, mtimeMs, mode }] as const
      }),
    ),
  )
}

describe('doctor', () => {
  it('says that a log was closed in order, and is complete and signed', async () => {
    await log.close()
    const vkey = (await readFile(join(directory, 'keys', 'signing.vkey'), 'utf8')).trim()
    expect(await asked(directory)).toMatchObject({
      ...{ ending: 'in_order', events: 3, droppedEvents: 0, gaps: 0, vkey },
      journal: { events: 0, unreadableEvents: 0, isDamaged: false, tornBytes: 0, foreignBytes: 0 },
      checkpoints: [{ size: 3, signedBy: [vkey.split('+').slice(0, 2).join('+')] }, { size: 3 }],
    })
    const text = await told(directory)
    expect(text).toMatch(/^dropped {4}none$/m)
    expect(text).toMatch(/^ending {5}closed in order$/m)
    expect(text).toMatch(/^checkpoint covers 3 of 3 events, in the file checkpoint, by spanledger\.local\//m)
    expect(text).toContain(`key        ${vkey}\n`)
    expect(text).toContain('whoever can write there could replace it')
  })

  it('says that the last writer died, and what only its journal has, and leaves that to the next opening', async () => {
    const image = deadLog()
    const before = await filesOf(image)
    expect(await asked(image)).toMatchObject({ ending: 'died', events: 3, journal: { events: 2 } })
    expect(await told(image)).toMatch(/^journal {4}2 events that the database does not have yet$/m)
    expect(await filesOf(image)).toEqual(before)
    const reopened = await openAuditLog(image)
    expect(reopened.recovery).toMatchObject({ unclean: true, recoveredEvents: 2 })
    await reopened.close()
    expect(await asked(image)).toMatchObject({ ending: 'in_order', events: 6, journal: { events: 0 } })
  })

  it('says how much content there is, whether the keys open, and which policy holds', async () => {
    const rules = [{ name: 'probes', match: { agent: 'probe' }, payload: 'none' as const }]
    await log.applyPolicy({ name: 'clinic', version: '3', rules })
    log.record({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'no' } } })
    log.record({ type: 'custom', agent: { id: 'probe' }, data: { name: 'beat' } })
    await log.close()
    const policy = { name: 'clinic', version: '3', digest: expect.any(String) }
    const content = { bytes: expect.any(Number), keys: 'open', damaged: [] }
    expect(await asked(directory)).toMatchObject({ content, policy, leftOutEvents: 1 })
    const text = await told(directory)
    expect(text).toMatch(/^content {4}.*; its keys are here$/m)
    expect(text).toMatch(/^policy {5}clinic, version 3$/m)
    expect(text).toMatch(/^left out {3}1 event, by rules of the policy$/m)
    await rename(join(directory, 'keys', 'content', 'provider.key'), join(directory, 'provider.key'))
    expect(await asked(directory)).toMatchObject({ content: { keys: 'unavailable' } })
    await rm(join(directory, 'content', 'CURRENT'))
    await (await openAuditLog(directory, { on: { problem: () => {} } })).close()
    expect(await asked(directory)).toMatchObject({ content: { damaged: ['content.damaged-1'] } })
    expect(await told(directory)).toContain('Content was damaged, and is kept in content.damaged-1')
  })

  it('says that a log that a process writes has not ended', async () => {
    expect(['open', 'unknown']).toContain((await asked(directory)).ending)
  })

  it('tells a torn end of the journal from damage', async () => {
    const image = deadLog()
    const segment = await newestSegment(image)
    await appendFile(segment, Buffer.of(0, 0, 1))
    expect(await asked(image)).toMatchObject({ journal: { events: 2, tornBytes: 3, isDamaged: false } })
    const bytes = await readFile(segment)
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1
    await writeFile(segment, Buffer.concat([bytes.subarray(0, -3), bytes.subarray(-200)]))
    expect(await asked(image)).toMatchObject({ journal: { isDamaged: true } })
    expect(await told(image)).toContain('opening refuses it')
  })

  it('counts the events that were dropped, by the account of the log', async () => {
    const at = { from: '2026-11-21T00:00:00Z', to: '2026-11-21T00:00:01Z' }
    for (const count of [12, 30]) {
      recordStatement(log, { type: 'events_dropped', data: { count, reason: 'queue_full', ...at } })
    }
    await log.flush()
    expect(await asked(directory)).toMatchObject({ droppedEvents: 42, gaps: 2, isDroppedMinimum: false })
    const text = await told(directory)
    expect(text).toMatch(/^dropped {4}42 events in 2 gaps/m)
    expect(text).toContain('spanledger query -t events_dropped')
  })

  it('says how much the newest checkpoint covers, and where it is', async () => {
    await log.checkpoint()
    await log.append(note('d'))
    const image = join(base, 'copy')
    copyLive(directory, image)
    const [newest] = (await asked(image)).checkpoints
    expect(newest).toMatchObject({ source: 'file', size: 3 })
    expect(await told(image)).toMatch(/^checkpoint covers 3 of 4 events/m)
  })

  it('says that the log is not what its checkpoint says', async () => {
    await log.close()
    const whole = await told(directory)
    const path = join(directory, 'checkpoint')
    const checkpoint = await readFile(path, 'utf8')
    for (const spoil of [
      () => rm(path),
      () => truncate(path, 10),
      () => writeFile(path, checkpoint.replace('\n3\n', '\n4\n')),
    ]) {
      await writeFile(path, checkpoint)
      await spoil()
      expect(await told(directory)).toContain('The log is not what its checkpoints say')
      await expect(openAuditLog(directory)).rejects.toThrow()
    }
    expect(whole).not.toContain('not what its checkpoints say')
  })

  it('says that nothing is signed', async () => {
    const unsigned = join(base, 'unsigned')
    await (await openAuditLog(unsigned, { signer: false })).close()
    const text = await told(unsigned)
    expect(text).toMatch(/^checkpoint none/m)
    expect(text).not.toMatch(/^key|could replace/m)
  })

  it('looks at a log without a journal', async () => {
    const without = await openAuditLog(join(base, 'without'), { durability: 'flush-only' })
    await without.append(note('a'))
    await without.close()
    expect(await asked(join(base, 'without'))).toMatchObject({ ending: 'in_order', journal: { events: 0 } })
  })
})
