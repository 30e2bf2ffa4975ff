import { parseTimestamp } from '../../src/events/time.js'
import type { AuditEvent, AuditEventData, AuditEventType, TokenUsage } from '../../src/events/types.js'
import type { RunOverview, RunTree } from '../../src/reader/index.js'
import { readerOfEvents, unchecked } from './reader-of.js'

/** The envelope of an event, as far as a test says something of it. */
export type Scope = Partial<Omit<AuditEvent, 'type' | 'data'>>

/** An event of run `r-1`, unless the scope names another. */
export function runEvent<T extends AuditEventType>(
  type: T,
  data: AuditEventData<T>,
  scope: Scope = {},
): Partial<AuditEvent> {
  return unchecked({ runId: 'r-1', ...scope, type, data })
}

export function started(scope: Scope = {}): Partial<AuditEvent> {
  return runEvent('run_started', { agent: { name: 'writer' } }, scope)
}

export function completed(scope: Scope = {}): Partial<AuditEvent> {
  return runEvent('run_completed', { usage: tokens(0) }, scope)
}

export function tokens(n: number): TokenUsage {
  return { inputTokens: n, outputTokens: 2 * n, totalTokens: 3 * n }
}

/** Some seconds past noon, as it is stored. */
export function at(second: number): string {
  return parseTimestamp(Date.UTC(2026, 4, 1, 12, 0, second)) as string
}

export const error = { code: 'RateLimit', message: 'slow down' }

/** Returns the overview that a list of runs has of a run without long texts. */
export function overviewOf(run: RunTree): RunOverview {
  const { subRuns, totalUsage, toolCalls, subAgents, handoffs, memoryRecalls, compactions, limits, errors, ...rest } =
    run
  const { approvals, policyViolations, policyDecisions, guardrails, memoryWrites, interventions, ...others } = rest
  const { omitted, ...overview } = others
  return overview
}

/** Run `r-1` out of a log of these events. */
export async function runOf(...events: Partial<AuditEvent>[]): Promise<RunTree> {
  const run = await (await readerOfEvents(...events)).run('r-1')
  if (!run) throw new Error('the log has no run r-1')
  return run
}
