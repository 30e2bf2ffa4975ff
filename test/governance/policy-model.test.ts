import { context, type Tracer, trace } from '@opentelemetry/api'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { statusAfter } from '../../src/events/run-status.js'
import { toolNameOf } from '../../src/events/tool-name.js'
import { AuditLogRecordProcessor, openAuditLog, type StoredEvent } from '../../src/index.js'
import { recordCustom, recordErrorOccurred, withScope } from '../../src/record/index.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { startAuditedSdk } from '../support/audited-sdk.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

/*
 * The same spans, log records and events go into two logs: one that keeps everything, and one with a policy. A model of the policy says which
 * events of the first the second has, in which order, and what it has of their content.
 */

useTestDirectory()

type Level = 'metadata' | 'digest' | 'content'
interface Rule {
  readonly name: string
  readonly match: Readonly<Record<string, string | readonly string[]>>
  readonly payload?: Level | 'none'
  readonly diagnostics?: Level
}

const patterns: Readonly<Record<string, readonly string[]>> = {
  tenantId: ['t1', 't*', 'default'],
  sessionId: ['s1', 's*'],
  agent: ['planner', 'writer', 'w*'],
  tool: ['search', 'mail', '*'],
  type: ['run_*', 'run_started', 'run_completed', 'tool_*', 'custom', 'error_occurred', 'context_compacted', '*'],
  convention: ['gen-ai', 'spanledger', 'x*'],
}
const match = fc
  .subarray(Object.keys(patterns), { maxLength: 2 })
  .chain((fields) => fc.record(Object.fromEntries(fields.map((f) => [f, fc.constantFrom(...(patterns[f] ?? []))]))))
const outcome = fc.oneof(
  fc.record({ payload: fc.constant('none' as const) }),
  fc.record({
    payload: fc.constantFrom<Level>('metadata', 'digest', 'content'),
    diagnostics: fc.constantFrom<Level>('metadata', 'digest', 'content'),
  }),
  fc.record({ diagnostics: fc.constantFrom<Level>('metadata', 'digest', 'content') }),
)
const rules: fc.Arbitrary<readonly Rule[]> = fc
  .array(fc.tuple(match, outcome), { minLength: 1, maxLength: 4 })
  .map((all) => all.map(([fields, levels], at) => ({ name: `rule ${at}`, match: fields, ...levels })))

interface Act {
  readonly kind: 'tool' | 'failing tool' | 'custom' | 'error' | 'log record' | 'agent'
  readonly name: 'search' | 'mail' | 'planner' | 'writer'
  readonly acts: readonly Act[]
}
const leaf = fc.record<Act>({
  kind: fc.constantFrom('tool', 'failing tool', 'custom', 'error', 'log record'),
  name: fc.constantFrom('search', 'mail'),
  acts: fc.constant([]),
})
const agentWith = (acts: fc.Arbitrary<Act>) =>
  fc.record<Act>({
    kind: fc.constant('agent'),
    name: fc.constantFrom('planner', 'writer'),
    acts: fc.array(acts, { maxLength: 3 }),
  })
const runs = fc.array(
  fc.record({
    scope: fc.constantFrom({}, { tenantId: 't1', sessionId: 's1' }, { tenantId: 't2', userId: 'ann' }),
    act: fc.oneof(agentWith(fc.oneof(leaf, agentWith(leaf))), leaf),
  }),
  { minLength: 1, maxLength: 4 },
)

type Logger = ReturnType<LoggerProvider['getLogger']>

function perform(act: Act, tracer: Tracer, logger: Logger): void {
  const { kind, name } = act
  if (kind === 'custom') recordCustom('noted', { by: name })
  else if (kind === 'error') recordErrorOccurred(new Error(`no ${name}`), { operation: 'look' })
  else if (kind === 'log record') {
    logger.emit({ eventName: 'spanledger.context_compacted', attributes: { 'spanledger.dropped_tokens': 4 } })
  } else performSpan(act, tracer, logger)
}

function performSpan({ kind, name, acts }: Act, tracer: Tracer, logger: Logger): void {
  const attributes =
    kind === 'agent'
      ? { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name }
      : {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': name,
          'gen_ai.tool.call.id': 'c',
          'gen_ai.tool.call.arguments': '{"q":"x"}',
        }
  const span = tracer.startSpan(name, { attributes })
  context.with(trace.setSpan(context.active(), span), () => {
    for (const act of acts) perform(act, tracer, logger)
  })
  if (kind === 'failing tool') {
    span.recordException(new Error('no answer'))
    span.setStatus({ code: 2, message: 'no answer' })
  }
  span.end()
}

/** The rule for an event: the first of which each field fits. */
function ruleFor(event: StoredEvent, given: readonly Rule[]): Rule | undefined {
  const values: Readonly<Record<string, readonly (string | undefined)[]>> = {
    tenantId: [event.tenantId],
    sessionId: [event.sessionId],
    agent: [event.agent?.id, event.agent?.name],
    tool: [toolNameOf(event.type, event.data)],
    type: [event.type],
    convention: [event.source?.convention],
  }
  const fits = (value: string | undefined, by: string) =>
    value !== undefined && (by.endsWith('*') ? value.startsWith(by.slice(0, -1)) : value === by)
  return given.find((rule) =>
    Object.entries(rule.match).every(([field, by]) =>
      [by].flat().some((each) => values[field]?.some((value) => fits(value, each))),
    ),
  )
}

function builtIn(event: StoredEvent): Level {
  if (event.type.startsWith('tool_call_')) return 'digest'
  return event.type === 'token_usage_updated' ? 'metadata' : 'content'
}

/** The items of an event by the policy: field and level. */
function itemsBy(event: StoredEvent, rule: Rule | undefined): readonly unknown[] {
  return (event.content?.items ?? []).flatMap(({ field, class: contentClass }) => {
    const own = contentClass === 'payload' ? rule?.payload : rule?.diagnostics
    const level = own ?? (contentClass === 'payload' ? builtIn(event) : 'content')
    return level === 'metadata' || level === 'none' ? [] : [[field, level]]
  })
}

/** The events that a policy lets be recorded, and the counts of those that it leaves out. */
function modelled(all: readonly StoredEvent[], given: readonly Rule[]) {
  const recorded: StoredEvent[] = []
  const counts: Record<string, number> = {}
  const held = new Map<string, { readonly event: StoredEvent; readonly rule: string }>()
  const onRecord = new Set<string>()
  const leaveOut = (rule: string) => {
    counts[rule] = (counts[rule] ?? 0) + 1
  }
  for (const event of all) {
    const rule = ruleFor(event, given)
    const run = event.runId
    const status = run === undefined ? undefined : statusAfter(event.type)
    if (rule?.payload === 'none' && !(run !== undefined && status !== undefined && onRecord.has(run))) {
      const start = held.get(run ?? '')
      if (run !== undefined && event.type === 'run_started' && !start) held.set(run, { event, rule: rule.name })
      else leaveOut(rule.name)
      if (start && status !== undefined && status !== 'running' && status !== 'suspended') {
        leaveOut(start.rule)
        held.delete(run as string)
      }
      continue
    }
    if (run !== undefined) {
      const start = held.get(run)
      if (start) recorded.push(start.event)
      held.delete(run)
      onRecord.add(run)
    }
    recorded.push(event)
  }
  for (const { rule } of held.values()) leaveOut(rule)
  return { recorded, counts }
}

const EVERYTHING = { name: 'everything', rules: [{ payload: 'content', diagnostics: 'content' }] } as const
const ofApplication = (events: readonly StoredEvent[]) => events.filter((event) => event.statementOf === undefined)

test('a log has the events that its policy lets it have, with the content that it says, and counts the others', async () => {
  const { audit, tracer } = startAuditedSdk()
  const logger = new LoggerProvider({ processors: [new AuditLogRecordProcessor(audit)] }).getLogger('app')
  let round = 0
  await fc.assert(
    fc.asyncProperty(rules, runs, async (given, all) => {
      const everything = await openAuditLog({ store: memoryStore(), policy: EVERYTHING })
      const location = `${directory}-${round++}`
      let governed: Awaited<ReturnType<typeof openAuditLog>>
      try {
        governed = await openAuditLog(location, { policy: { name: 'random', rules: given } })
      } catch (problem) {
        // Rules that contradict each other: other tests say which.
        expect(problem).toMatchObject({ code: 'AUDIT_POLICY_INVALID' })
        return await everything.close()
      }
      const attached = [audit.attach(everything), audit.attach(governed)]
      for (const { scope, act } of all) withScope(scope, () => perform(act, tracer, logger))
      await Promise.all(attached.map((each) => each.detach()))
      const expected = modelled(ofApplication(await everything.events().toArray()), given)
      const events = await governed.events().toArray()
      const own = ofApplication(events)
      expect(own.map(({ id }) => id)).toEqual(expected.recorded.map(({ id }) => id))
      for (const [at, event] of own.entries()) {
        const reference = expected.recorded[at] as StoredEvent
        expect(event.time).toBe(reference.time)
        const items = (event.content?.items ?? []).map(({ field, level }) => [field, level])
        expect(items).toEqual(itemsBy(reference, ruleFor(reference, given)))
      }
      const applied = events.filter(({ type }) => type === 'audit_policy_applied')
      expect(applied.length).toBe(1)
      expect(Math.min(...own.map(({ seq }) => seq))).toBeGreaterThan(applied[0]?.seq as number)
      await governed.close()
      await everything.close()
      const again = await openAuditLog(location, { policy: { name: 'random', rules: given } })
      const counted = (await again.events({ type: 'events_left_out' }).toArray()).flatMap(({ data }) => data.rules)
      expect(Object.fromEntries(counted.map(({ rule, count }) => [rule, count]))).toEqual(expected.counts)
      // The policy is the one on record.
      expect(await again.events({ type: 'audit_policy_applied' }).count()).toBe(1)
      await again.close()
    }),
    { numRuns: 15, seed: 16 },
  )
}, 120_000)
