import { confidenceOf, marked } from '../events/confidence.js'
import type { StoredEvent } from '../events/types.js'
import type { RunStep } from '../reader/steps/run-step.js'
import type { RunTree, ToolCallSummary } from '../reader/summaries/run-summary.js'
import type { Colour, Paint } from './output.js'
import { details, detailsOf, STATUS_COLOUR, usageText } from './render.js'
import { duration, errorText, printable, shortTime } from './text.js'

/** Gives the steps of a run. */
export type StepsOf = (run: RunTree) => AsyncIterable<RunStep>

type Lines = Iterable<string> | AsyncIterable<string>

/** Kinds of steps that tell of decisions. They are labelled with their types. */
type Decision = 'approval' | 'policy_decision' | 'intervention'

/** The label of a step by its kind, and its colour. A kind without a label is told by the event's type. */
const LABELS = {
  memory_recall: ['memory', 'grey'],
  handoff: ['handoff', 'cyan'],
  compaction: ['compaction', 'yellow'],
  limit: ['limit', 'red'],
  policy_violation: ['policy', 'red'],
  guardrail: ['guardrail', 'yellow'],
  memory_write: [undefined, 'yellow'],
  error: ['error', 'red'],
  sub_agent: ['sub-agent', 'cyan'],
} as const satisfies Record<Exclude<RunStep['kind'], 'tool_call' | Decision>, readonly [string | undefined, Colour]>

/**
 * A run with everything below it, line by line; its session, tenant and actor are said once, at the top:
 *
 *     planner  completed  1.2s  r-1
 *     ├─ session s-1  tenant=acme  actor=ada
 *     ├─ tool search  completed  310ms
 *     └─ writer  failed  0.6s  r-2
 *        └─ error Timeout: no answer
 *
 * The events of a run are sorted by kind. Where a run has more of them than its summary lists, they come in append order.
 */
export async function* treeLines(
  run: RunTree,
  stepsOf: StepsOf,
  paint: Paint,
  isTop = true,
): AsyncGenerator<string, void, undefined> {
  const name = run.agent?.name ?? run.agent?.id ?? 'run'
  const head = [
    paint('bold', printable(name)),
    paint(STATUS_COLOUR[run.status], printable(marked(run.status, run.confidence))),
    duration(run.durationMs),
    shortTime(run.startedAt),
    paint('grey', printable(run.runId)),
  ]
  yield head.filter((part) => part !== '').join('  ')
  yield* branches(below(run, stepsOf, paint, isTop))
}

/** Each child is the lines of it. */
async function* branches(children: AsyncIterable<Lines>): AsyncGenerator<string> {
  let held: Lines | undefined
  for await (const child of children) {
    if (held) yield* branch(held, '├─ ', '│  ')
    held = child
  }
  if (held) yield* branch(held, '└─ ', '   ')
}

async function* branch(lines: Lines, first: string, others: string): AsyncGenerator<string> {
  let lead = first
  for await (const line of lines) {
    yield `${lead}${line}`
    lead = others
  }
}

async function* below(run: RunTree, stepsOf: StepsOf, paint: Paint, isTop: boolean): AsyncGenerator<Lines> {
  const line = (label: string, text: string, colour: Colour = 'grey') => [
    `${paint(colour, printable(label))} ${printable(text)}`,
  ]
  if (isTop) {
    yield line('session', `${run.sessionId}  tenant=${run.tenantId}${run.actor ? `  actor=${run.actor.id}` : ''}`)
  }
  if (run.claimedParentRunId) {
    yield line('claimed parent', `${run.claimedParentRunId}, by the trace alone`, 'yellow')
  }
  if (run.model) yield line('model', run.model)
  if (run.totalUsage.totalTokens > 0) yield line('used', tokensText(run))
  if (run.omitted === 0) for (const text of listedLines(run, paint)) yield [text]
  else for await (const step of stepsOf(run)) yield [stepLine(step, paint)]
  if (run.error) yield line('failed', errorText(run.error), 'red')
  if (run.reason) yield line('reason', run.reason, 'yellow')
  if (run.supersedes) yield line('supersedes', run.supersedes, 'yellow')
  for (const subRun of run.subRuns) yield treeLines(subRun, stepsOf, paint, false)
}

/** Returns the lines of a summary's lists, list by list. */
function listedLines(run: RunTree, paint: Paint): readonly string[] {
  const all = (kind: keyof typeof LABELS, events: readonly StoredEvent[]) =>
    events.map((event) => eventLine(kind, event, paint))
  return [
    ...all('memory_recall', run.memoryRecalls),
    ...all('memory_write', run.memoryWrites),
    ...toolLines(run, paint),
    ...all('handoff', run.handoffs),
    ...all('compaction', run.compactions),
    ...all('limit', run.limits),
    ...all('guardrail', run.guardrails),
    ...all('policy_violation', run.policyViolations),
    ...all('error', run.errors),
  ]
}

function stepLine(step: RunStep, paint: Paint): string {
  switch (step.kind) {
    case 'tool_call':
      return toolLine(step.call, paint)
    case 'approval':
    case 'policy_decision':
    case 'intervention':
      return decisionLine(step.event, paint)
    default:
      return eventLine(step.kind, step.event, paint)
  }
}

function eventLine(kind: keyof typeof LABELS, event: StoredEvent, paint: Paint): string {
  const [label, colour] = LABELS[kind]
  const name = label ?? event.type.replaceAll('_', ' ')
  return `${paint(colour, printable(marked(name, confidenceOf(event))))} ${printable(details(event.data))}`
}

/** Tool calls and what was decided on them, in the order of time. */
function toolLines({ toolCalls, ...run }: RunTree, paint: Paint): readonly string[] {
  const decisions: readonly StoredEvent[] = [...run.policyDecisions, ...run.approvals, ...run.interventions]
  const lines = [
    ...decisions.map((event) => ({ time: event.time, text: decisionLine(event, paint) })),
    ...toolCalls.map((call) => ({ time: call.startedAt ?? call.endedAt ?? '', text: toolLine(call, paint) })),
  ]
  return lines
    .sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0))
    .map(({ text }) => text)
}

function decisionLine(event: StoredEvent, paint: Paint): string {
  const { type, time } = event
  return `${paint('yellow', printable(marked(type, confidenceOf(event))))} ${shortTime(time)}  ${detailsOf(event)}`
}

function toolLine({ name, status, confidence, durationMs, error }: ToolCallSummary, paint: Paint): string {
  const parts = [
    `${paint('grey', 'tool')} ${printable(name)}`,
    paint(STATUS_COLOUR[status], printable(marked(status, confidence))),
    duration(durationMs),
    error ? paint('red', printable(errorText(error))) : '',
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function tokensText(run: RunTree): string {
  const own = usageText(run.usage)
  return run.subRuns.length === 0 ? own : `${own || '0 tokens'}, with sub-runs ${usageText(run.totalUsage)}`
}
