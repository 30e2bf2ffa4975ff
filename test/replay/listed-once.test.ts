import { describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/index.js'
import { AuditTracingProcessor } from '../../src/openai-agents/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { withLateTenant } from './late-tenant.js'
import { play } from './play.js'
import { playNative } from './play-native.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

/** Recorded as that SDK's own stream of traces, not as OpenTelemetry spans: played into its trace processor. */
const NOT_OPENTELEMETRY = 'openai-agents-native'
/** The tenant of events that name none, as a log would fill it in. */
const DEFAULT_TENANT = 'default'

const TERMINAL = new Set(['run_completed', 'run_failed', 'run_cancelled', 'run_suspended', 'run_interrupted'])

describe('every run of a recording is listed once, with one tenant and one session, and is not left running', () => {
  test.each(frameworks())('%s', async (framework) => {
    for (const scenario of Object.keys(labelsOf(framework))) {
      const events =
        framework === NOT_OPENTELEMETRY ? await native(scenario) : await record(readRecording(framework, scenario))
      expect(problemsOf(events), scenario).toEqual([])
    }
  })

  test.each(frameworks().filter((framework) => framework !== NOT_OPENTELEMETRY))(
    '%s, when only a late span tells the tenant',
    async (framework) => {
      for (const scenario of Object.keys(labelsOf(framework))) {
        const events = await record(withLateTenant(readRecording(framework, scenario)))
        expect(problemsOf(events), scenario).toEqual([])
      }
    },
  )
})

/** Returns the runs that a reader would list twice, in several places, or as running for ever. */
function problemsOf(events: readonly StoredEvent[]): string[] {
  return [...byRun(filed(events))].flatMap(([runId, ofRun]) => {
    const starts = ofRun.filter(({ type }) => type === 'run_started')
    const superseded = new Set(ofRun.map(({ supersedes }) => supersedes))
    // A run that is suspended may go on under its id: then it starts and ends again.
    const ends = ofRun.filter(({ id, type }) => TERMINAL.has(type) && !superseded.has(id))
    const restarts = ends.filter(({ type }) => type === 'run_suspended').length
    return [
      ...several('tenants', runId, new Set(ofRun.map(({ tenantId }) => tenantId))),
      ...several('sessions', runId, new Set(ofRun.map(({ sessionId }) => sessionId))),
      ...(starts.length > 1 + restarts ? [`${runId} started ${starts.length} times`] : []),
      ...(starts.length > 0 && ends.length !== starts.length ? [`${runId} ended ${ends.length} times`] : []),
    ]
  })
}

function byRun(events: readonly StoredEvent[]): Map<string, StoredEvent[]> {
  const runs = new Map<string, StoredEvent[]>()
  for (const event of events) {
    if (event.runId !== undefined) runs.set(event.runId, [...(runs.get(event.runId) ?? []), event])
  }
  return runs
}

function several(what: string, runId: string, values: ReadonlySet<string>): string[] {
  return values.size > 1 ? [`${runId} has the ${what} ${[...values].join(', ')}`] : []
}

/** The events as readers file them: those before a `run_identified` belong to the tenant and session it names. */
function filed(events: readonly StoredEvent[]): StoredEvent[] {
  const all = events.map((event) => ({ ...event, tenantId: event.tenantId ?? DEFAULT_TENANT }))
  all.forEach((identified, at) => {
    if (identified.type !== 'run_identified') return
    const { runId, tenantId, sessionId } = identified
    const { previous } = identified.data as StoredEvent<'run_identified'>['data']
    for (const earlier of all.slice(0, at)) {
      if (earlier.runId !== runId || earlier.tenantId !== (previous.tenantId ?? DEFAULT_TENANT)) continue
      if (earlier.sessionId === previous.sessionId) Object.assign(earlier, { tenantId, sessionId })
    }
  })
  return all
}

async function record(recording: Recording): Promise<readonly StoredEvent[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await play(recording, audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return log.events
}

async function native(scenario: string): Promise<readonly StoredEvent[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await playNative(scenario, new AuditTracingProcessor(audit))
  await audit.shutdown()
  return log.events
}
