import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { withLateTenant } from './late-tenant.js'
import { deliver, play } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

/*
 * The sum of all recordings beside one another, in a log on disk, as its reader tells it.
 */

const TERMINAL = ['run_completed', 'run_failed', 'run_cancelled', 'run_suspended', 'run_interrupted'] as const

type Tell = (recording: Recording, audit: AuditSpanProcessor, logRecords: AuditLogRecordProcessor) => Promise<void>

const asRecorded = (recording: Recording) => recording

test.each<[string, Tell, (recording: Recording) => Recording]>([
  ['as it happened', play, asRecorded],
  ['as it happened, when only a late span tells the tenant', play, withLateTenant],
  ['delivered after the fact', deliver, asRecorded],
  ['delivered after the fact, when only a late span tells the tenant', deliver, withLateTenant],
])(
  'every run is listed once, in one place, and has come to an end, %s',
  async (_, tell, altered) => {
    const log = await openedLog()
    const runIds = new Set<string>()
    for (const recording of recordings()) {
      for (const runId of await record(altered(recording), tell, log)) runIds.add(runId)
    }
    await log.flush()

    const runs = await log.runs().toArray()
    expect(runs.map(({ runId }) => runId).sort()).toEqual([...runIds].sort())
    expect(runs.filter(({ status }) => status === 'running')).toEqual([])
    for (const { runId, tenantId, sessionId, status, eventCount } of runs) {
      expect(await log.run(runId)).toMatchObject({ tenantId, sessionId, status, eventCount })
      expect(await log.events({ runId }).count(), runId).toBe(eventCount)
      expect(await log.events({ runId, tenantId, sessionId }).count(), runId).toBe(eventCount)
    }
    await expectSums(log, runs)
    expect((await log.verify()).problems).toEqual([])
  },
  60_000,
)

/** By tenant and by session each event and each run is there once. */
async function expectSums(log: AuditLog, runs: readonly { readonly tenantId: string; readonly status: string }[]) {
  const all = await log.events({}).count()
  const sessions = await log.sessions().toArray()
  expect(sum(sessions.map(({ events }) => events))).toBe(all)
  expect(sum(sessions.map(({ runs: ofSession }) => ofSession))).toBe(runs.length)
  const tenants = [...new Set(sessions.map(({ tenantId }) => tenantId))]
  const events = await Promise.all(tenants.map((tenantId) => log.events({ tenantId }).toArray()))
  expect(new Set(events.flat().map(({ seq }) => seq)).size).toBe(all)
  expect(events.flat().length).toBe(all)
  for (const tenantId of tenants) {
    const ofTenant = runs.filter((run) => run.tenantId === tenantId)
    expect((await log.runs({ tenantId }).toArray()).length).toBe(ofTenant.length)
    const { started, ...ends } = (await log.stats({ tenantId })).total.runs
    expect(started).toBe(await log.events({ tenantId, type: 'run_started' }).count())
    expect(sum(Object.values(ends))).toBe(await log.events({ tenantId, type: TERMINAL }).count())
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0)
}

/** Each with traces of its own: those that were written by hand have the ids of their traces in common. */
function* recordings(): Generator<Recording> {
  const known = new Set<string>()
  let renamed = 0
  for (const framework of frameworks().filter((name) => name !== 'openai-agents-native')) {
    for (const scenario of Object.keys(labelsOf(framework))) {
      const recording = readRecording(framework, scenario)
      const own = new Set(recording.spans.map(({ traceId }) => traceId))
      let text = JSON.stringify(recording)
      for (const id of own) if (known.has(id)) text = text.replaceAll(id, String(++renamed).padStart(32, 'f'))
      for (const id of own) known.add(id)
      yield JSON.parse(text)
    }
  }
}

/** @returns the ids of the runs that were recorded */
async function record(recording: Recording, tell: Tell, log: AuditLog): Promise<ReadonlySet<string>> {
  const seen = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  audit.attach(seen)
  await tell(recording, audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return new Set(seen.events.flatMap(({ runId }) => runId ?? []))
}

async function openedLog(): Promise<AuditLog> {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const log = await openAuditLog(directory)
  onTestFinished(async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  return log
}
