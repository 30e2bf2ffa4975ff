import type { AgentRef } from '../../../events/index.js'
import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Ancestors, Conclusion, ConventionState, Fact, ScopeIds, StepActivity } from '../contract.js'
import { record, text } from './attributes.js'
import type { SpanError } from './outcome.js'

/*
 * Tools by which an agent hands over to another. A tool of the user's may be named so as well, and an agent may be
 * refused: so the call is kept until the other agent starts. Where none does, it is recorded as the call of a tool.
 */

/** Tools with the target in an argument, by the names of frameworks. */
const TARGET_ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['transfer_to_agent', ['agent_name', 'agentName']],
  ['handoff_to_agent', ['agent_name', 'agentName']],
])
/** Tools with the target in their names. */
const TARGET_IN_NAME = /^(?:transfer_(?:back_)?to|hand_?off_to|Handoff-transfer_to)_(.+)$/

const PENDING = 'handoff.pending'
/** Calls that are kept at a time. */
const MAX_PENDING = 16
/** A shorter name says too little to be a part of another. */
const MIN_PART_LENGTH = 3

type Call = { readonly callId: string; readonly tool: { readonly name: string } }

interface Pending {
  readonly call: Call
  /** Undefined where the arguments are not told: whichever agent is next. */
  readonly to: string | undefined
  readonly from: AgentRef
  readonly startedAt: Timestamp
  readonly endedAt: Timestamp
  /** The agent that called has ended since. */
  readonly left: boolean
}

export interface HandoffStep extends StepActivity {
  readonly handoff: Call
}

/** Tells whether a tool of this name may hand over to another agent. */
export function isHandoffTool(name: string): boolean {
  return TARGET_ARGUMENTS.has(name) || TARGET_IN_NAME.test(name)
}

/** The span of a tool that may hand over; `undefined` for any other tool, and outside of runs. */
export function handoffStep(
  span: SpanLike,
  name: string,
  { run }: Ancestors,
  named: { readonly callId?: string | undefined; readonly scope?: ScopeIds | undefined } = {},
): HandoffStep | undefined {
  if (!run || !isHandoffTool(name)) return undefined
  const callId = named.callId ?? span.spanContext().spanId
  return { kind: 'step', scope: named.scope, handoff: { callId, tool: { name } } }
}

/**
 * Keeps the call of a tool that may have handed over, until an agent starts.
 *
 * @param args - arguments of the call, parsed
 */
export function endOfHandoffTool(
  span: SpanLike,
  { handoff: call }: HandoffStep,
  { runState, run }: Ancestors,
  called: { readonly args?: unknown; readonly error?: SpanError | undefined },
): Conclusion {
  const startedAt = timestampFromHrTime(span.startTime)
  const { error } = called
  if (error) {
    const started: Fact = { type: 'tool_call_started', data: call, time: startedAt }
    return { error, facts: [started, { type: 'tool_call_failed', data: { ...call, error } }] }
  }
  const to = targetOf(call.tool.name, called.args)
  const endedAt = timestampFromHrTime(span.endTime)
  if (runState && run) keep(runState, { call, to, from: run.agent, startedAt, endedAt, left: false })
  return {}
}

function targetOf(name: string, args: unknown): string | undefined {
  const keys = TARGET_ARGUMENTS.get(name)
  return keys ? text(record(args), ...keys) : TARGET_IN_NAME.exec(name)?.[1]
}

/** An agent of this name starts: it may be the one that control was handed to. */
export function handoffTaken(name: string | undefined, { runState, run }: Ancestors): readonly Fact[] | undefined {
  const pending = pendingIn(runState)
  const taken = pending.find(({ to, from }) => name !== undefined && name !== from.name && isMeant(to, name))
  if (!taken || !runState || !run || name === undefined) return undefined
  replace(
    runState,
    pending.filter((other) => other !== taken),
  )
  const scope = { runId: run.runId, agent: run.agent }
  return [{ type: 'agent_handoff', data: { from: taken.from.name, to: name }, scope }]
}

/** Names of tools have no spaces, and frameworks leave out what follows a name (`billing` for `Billing Agent`). */
function isMeant(to: string | undefined, name: string): boolean {
  if (to === undefined || to === name) return true
  const [one, other] = [plain(to), plain(name)]
  if (one.length < MIN_PART_LENGTH || other.length < MIN_PART_LENGTH) return one === other
  return one.startsWith(other) || other.startsWith(one)
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

/** The agent goes on itself: what looked like handing over was a tool. */
export function handoffsRefused(runState: ConventionState | undefined): readonly Fact[] | undefined {
  const pending = pendingIn(runState)
  if (!runState || pending.every(({ left }) => left)) return undefined
  replace(
    runState,
    pending.filter(({ left }) => left),
  )
  return pending.filter(({ left }) => !left).flatMap(asToolCall)
}

/**
 * The run ends: another agent may take over in the run around. Where there is none, the calls were those of tools.
 *
 * @param isAssumed - the framework has no run around its agents: a call with which an agent ends has handed over
 */
export function handoffsLeft(
  { runState, ownState }: Pick<Ancestors, 'runState' | 'ownState'>,
  isAssumed = false,
): readonly Fact[] {
  const pending = pendingIn(ownState)
  if (pending.length === 0) return pending as readonly never[]
  ownState?.delete(PENDING)
  if (!runState) return pending.flatMap((one) => (isAssumed ? asHandoff(one) : undefined) ?? asToolCall(one))
  for (const one of pending) keep(runState, { ...one, left: true })
  return []
}

function asHandoff({ from, to, endedAt }: Pending): readonly Fact[] | undefined {
  if (to === undefined) return undefined
  return [{ type: 'agent_handoff', data: { from: from.name, to }, time: endedAt, confidence: 'heuristic' }]
}

function asToolCall({ call, startedAt, endedAt }: Pending): readonly Fact[] {
  return [
    { type: 'tool_call_started', data: call, time: startedAt },
    { type: 'tool_call_completed', data: call, time: endedAt },
  ]
}

function pendingIn(runState: ConventionState | undefined): readonly Pending[] {
  return (runState?.get(PENDING) as readonly Pending[] | undefined) ?? []
}

function keep(runState: ConventionState, one: Pending): void {
  runState.set(PENDING, [...pendingIn(runState), one].slice(-MAX_PENDING))
}

function replace(runState: ConventionState, pending: readonly Pending[]): void {
  if (pending.length === 0) runState.delete(PENDING)
  else runState.set(PENDING, pending)
}
