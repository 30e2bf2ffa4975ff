import { ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { becomeRun, enter, NOW, recognise, startRun } from '../../../test/support/tracked-spans.js'
import type { AuditEventInput } from '../../events/index.js'
import { HAS_RANDOM_ID } from '../../events/random-id.js'
import type { RecordInput } from '../../log/contract.js'
import { withContextScope } from '../../record/context.js'
import { CallerClaims } from '../caller-claims.js'
import { Emitter, type EventCore, type EventOrigin, type Extras } from './emitter.js'
import { TIME_MENDED } from './span-times.js'

const HANDOFF: EventCore = { type: 'agent_handoff', data: { to: 'writer' } }
const SOURCE = { convention: 'test', scope: 'test' }
const NOWHERE: EventOrigin = { run: undefined, node: undefined, context: undefined, source: SOURCE }

function startEmitter() {
  const published: RecordInput[] = []
  const stated: AuditEventInput[] = []
  const outlet = {
    publish: (event: RecordInput) => void published.push(event),
    state: (event: AuditEventInput) => void stated.push(event),
  }
  const emitter = new Emitter(outlet, new CallerClaims(false))
  const emit = (origin: Partial<EventOrigin> = {}, extras?: Extras) => {
    const id = emitter.emit(HANDOFF, NOW, { ...NOWHERE, ...origin }, extras)
    const event = published.at(-1)
    expect(event?.id).toBe(id)
    return event
  }
  return { emitter, emit, published, stated }
}

describe('the envelope of an event', () => {
  test('has the run, the span and the scope that it comes from', () => {
    const { emit } = startEmitter()
    const node = recognise(enter(), { kind: 'step', scope: { tenantId: 'acme', sessionId: 's-1', userId: 'u' } })
    const run = becomeRun(node, 'r-1', { parentRunId: 'outer' })
    expect(emit({ run, node })).toMatchObject({
      [HAS_RANDOM_ID]: true,
      ...HANDOFF,
      time: NOW,
      tenantId: 'acme',
      sessionId: 's-1',
      runId: 'r-1',
      parentRunId: 'outer',
      agent: { name: 'planner' },
      actor: { id: 'u' },
      trace: { traceId: node.traceId, spanId: node.spanId },
      claimed: undefined,
      source: SOURCE,
      altered: undefined,
    })
    expect(run.lastEvent).toEqual({ type: 'agent_handoff', time: NOW })
  })

  test('has neither session, run nor actor where nothing names one', () => {
    const event = startEmitter().emit()
    expect(event).toMatchObject({ sessionId: undefined, tenantId: undefined, runId: undefined, actor: undefined })
  })

  test('has what was named, mended and superseded', () => {
    const { emit } = startEmitter()
    const altered = [{ field: 'data.to', reason: 'truncated' }] as const
    const event = emit({ isTimeMended: true }, { altered, supersedes: 'e-1', confidence: 'heuristic' })
    expect(event).toMatchObject({
      supersedes: 'e-1',
      altered: [...altered, TIME_MENDED],
      source: { confidence: 'heuristic' },
    })
    expect(emit({}, { altered })?.altered).toEqual(altered)
  })

  test('of a run is under the tenant and the session of its first event, whatever its own scope', () => {
    const { emit, stated } = startEmitter()
    const run = startRun()
    emit({ run }, { scope: { tenantId: 'acme', sessionId: 's-1' } })
    expect(emit({ run }, { scope: { tenantId: 'other' } })).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
    expect(stated.map(({ type }) => type)).toEqual(['run_identity_conflict'])
  })

  test('of another run than that of its origin has the scope that is named, and no parent of the origin’s', () => {
    const { emit } = startEmitter()
    const run = startRun({ parentRunId: 'outer' })
    const event = emit({ run }, { scope: { runId: 'other', tenantId: 'acme' } })
    expect(event).toMatchObject({ runId: 'other', tenantId: 'acme', parentRunId: undefined })
    expect(run.identity).toBeUndefined()
  })

  test('has the session of its run where no scope has one', () => {
    const { emit } = startEmitter()
    const run = startRun({ runId: 'r-1' })
    expect(emit({ run })?.sessionId).toBe('r-1')
  })

  test('has what its context names beside that of the span, and nothing of a context that says the same', () => {
    const { emit } = startEmitter()
    const outer = withContextScope(ROOT_CONTEXT, { tenantId: 'of-context', sessionId: 's-0' })
    const node = recognise(enter(undefined, { context: outer }), { kind: 'step', scope: { tenantId: 'acme' } })
    const context = withContextScope(outer, { sessionId: 's-1' })
    expect(emit({ node, context })).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
  })

  test('of a run that is recorded from inside another has nothing of that other', () => {
    const { emit } = startEmitter()
    const node = recognise(enter(), { kind: 'step', scope: { tenantId: 'acme', sessionId: 's-1' } })
    becomeRun(node, 'around')
    const spanless = { given: { sessionId: 's-2' }, context: {}, heirOf: undefined, claims: undefined }
    expect(emit({ run: startRun({ runId: 'other', spanless }), node })).toMatchObject({
      tenantId: undefined,
      sessionId: 's-2',
    })
  })

  test('marks the parent run that a caller names as claimed, unless another is named', () => {
    const { emit } = startEmitter()
    const run = startRun({ parentRunId: 'of-a-caller', parentIsClaimed: true })
    expect(emit({ run })).toMatchObject({ parentRunId: 'of-a-caller', claimed: { parentRunId: 'of-a-caller' } })
    expect(emit({ run }, { scope: { parentRunId: 'named' } })).toMatchObject({
      parentRunId: 'named',
      claimed: undefined,
    })
  })

  test('has the claims of its own, and none that hold anyway', () => {
    const { emit } = startEmitter()
    const claims = { tenantId: 'acme', userId: 'eve' }
    expect(emit({ claims }, { scope: { tenantId: 'acme' } })?.claimed).toEqual({ userId: 'eve' })
  })
})

test('a statement about a run is the processor’s own, and no event of the run', () => {
  const { emitter, published, stated } = startEmitter()
  const run = startRun({ runId: 'r-1' })
  emitter.state({ type: 'custom', data: { name: 'x' } }, run)
  expect(stated).toMatchObject([{ runId: 'r-1', source: { convention: 'spanledger', scope: 'spanledger' } }])
  expect(published).toEqual([])
  expect(run.lastEvent).toBeUndefined()
})
