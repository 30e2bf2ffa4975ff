import { confidenceOf, isClaim, marked } from '../events/confidence.js'
import type { RunStatus } from '../events/run-status.js'
import type { StoredEvent, TokenUsage } from '../events/types.js'
import type { AgentSummary } from '../reader/summaries/agents.js'
import type { RunTree, ToolCallSummary } from '../reader/summaries/run-summary.js'
import type { SessionSummary } from '../reader/summaries/sessions.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { Colour, Paint } from './output.js'
import { cost, duration, printable, shortened, shortTime } from './text.js'

const MAX_DETAIL_LENGTH = 160
/** Of a list within an event, in what is shown of it. */
const MAX_LIST_ITEMS = 5
const MAX_ITEM_LENGTH = 40
/** Of `tool_approval_requested`. */
const TYPE_WIDTH = 23

const STATUS_COLOUR: Readonly<Record<RunStatus | ToolCallSummary['status'], Colour>> = {
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  suspended: 'yellow',
  interrupted: 'red',
  unfinished: 'yellow',
}

/** One event in one line. */
export function eventLine(event: StoredEvent, paint: Paint): string {
  const confidence = confidenceOf(event)
  const type = printable(marked(event.type, confidence))
  const who = event.agent?.name ?? event.agent?.id ?? ''
  const detail = shortened(details(event.data), MAX_DETAIL_LENGTH)
  const parts = [
    paint('grey', String(event.seq).padStart(6)),
    shortTime(event.time),
    paint(eventColour(event.type, confidence), type.padEnd(TYPE_WIDTH)),
    printable(who),
    event.runId === undefined ? '' : paint('grey', `run=${printable(event.runId)}`),
    detail,
  ]
  return parts.filter((part) => part !== '').join('  ')
}

/**
 * Returns the colour of an event. A client's claim has a colour of its own, neither that of success nor that of
 * failure.
 */
function eventColour(type: string, confidence: string | undefined): Colour {
  if (isClaim(confidence)) return 'yellow'
  if (/failed|error|denied|violation|interrupted|dropped|exceeded/.test(type)) return 'red'
  return /completed|granted/.test(type) ? 'green' : 'cyan'
}

/** The fields of an event's data, the inner ones by their paths. */
function details(data: unknown, path = ''): string {
  if (typeof data !== 'object' || data === null) return `${path}=${printable(data)}`
  if (Array.isArray(data)) return `${path}=[${listed(data)}]`
  return Object.entries(data)
    .map(([name, value]) => details(value, path ? `${path}.${printable(name)}` : printable(name)))
    .join(' ')
}

/** The first items of a list, and how many more there are. */
function listed(items: readonly unknown[]): string {
  const shown = items.slice(0, MAX_LIST_ITEMS).map((item) => {
    const text = typeof item === 'string' ? item : JSON.stringify(item)
    return shortened(printable(text), MAX_ITEM_LENGTH)
  })
  if (items.length > shown.length) shown.push(`… ${items.length - shown.length} more`)
  return shown.join(', ')
}

/** One run in one line. */
export function runLine(run: RunOverview, paint: Paint): string {
  const parts = [
    shortTime(run.startedAt),
    paint(STATUS_COLOUR[run.status], printable(marked(run.status, run.confidence)).padEnd(11)),
    duration(run.durationMs).padStart(7),
    printable(run.runId),
    printable(run.agent?.name ?? run.agent?.id ?? ''),
    usageText(run.usage),
    run.error ? paint('red', printable(`${run.error.code}: ${run.error.message}`)) : '',
  ]
  return parts.filter((part) => part !== '').join('  ')
}

/** One session in one line. */
export function sessionLine(session: SessionSummary): string {
  const { sessionId, tenantId, firstEventAt, lastEventAt, events, runs } = session
  const counts = `${events} events  ${runs} runs`
  return `${shortTime(firstEventAt)} – ${shortTime(lastEventAt)}  ${printable(sessionId)}  tenant=${printable(tenantId)}  ${counts}`
}

/** One agent in one line. */
export function agentLine({ id, name, firstEventAt, lastEventAt, events, runs }: AgentSummary): string {
  const who = name === undefined || id === undefined ? (name ?? id ?? '') : `${name} (${id})`
  return `${shortTime(firstEventAt)} – ${shortTime(lastEventAt)}  ${printable(who)}  ${events} events  ${runs} runs`
}

/**
 * A run with everything below it; its session, tenant and actor are said once, at the top:
 *
 *     planner  completed  1.2s  r-1
 *     ├─ session s-1  tenant=acme  actor=ada
 *     ├─ tool search  completed  310ms
 *     └─ writer  failed  0.6s  r-2
 *        └─ error Timeout: no answer
 */
export function treeLines(run: RunTree, paint: Paint, isTop = true): readonly string[] {
  const name = run.agent?.name ?? run.agent?.id ?? 'run'
  const head = [
    paint('bold', printable(name)),
    paint(STATUS_COLOUR[run.status], printable(marked(run.status, run.confidence))),
    duration(run.durationMs),
    shortTime(run.startedAt),
    paint('grey', printable(run.runId)),
  ]
  return [head.filter((part) => part !== '').join('  '), ...branches(below(run, paint, isTop))]
}

/** Each child is the lines of it. */
function branches(children: readonly (readonly string[])[]): readonly string[] {
  return children.flatMap((lines, at) => {
    const isLast = at === children.length - 1
    return lines.map((line, row) => `${row === 0 ? (isLast ? '└─ ' : '├─ ') : isLast ? '   ' : '│  '}${line}`)
  })
}

function below(run: RunTree, paint: Paint, isTop: boolean): readonly (readonly string[])[] {
  const lines: (readonly string[])[] = []
  const add = (label: string, text: string, colour: Colour = 'grey') => {
    lines.push([`${paint(colour, printable(label))} ${printable(text)}`])
  }
  if (isTop) add('session', `${run.sessionId}  tenant=${run.tenantId}${run.actor ? `  actor=${run.actor.id}` : ''}`)
  if (run.model) add('model', run.model)
  if (run.totalUsage.totalTokens > 0) add('used', tokensText(run))
  const addAll = (label: string, events: readonly StoredEvent[], colour?: Colour) => {
    for (const event of events) add(marked(label, confidenceOf(event)), details(event.data), colour)
  }
  addAll('memory', run.memoryRecalls)
  for (const line of toolLines(run, paint)) lines.push([line])
  addAll('handoff', run.handoffs, 'cyan')
  addAll('compaction', run.compactions, 'yellow')
  addAll('limit', run.limits, 'red')
  addAll('policy', run.policyViolations, 'red')
  addAll('error', run.errors, 'red')
  if (run.error) add('failed', `${run.error.code}: ${run.error.message}`, 'red')
  if (run.reason) add('reason', run.reason, 'yellow')
  if (run.omitted > 0) add('…', `${run.omitted} more`)
  for (const subRun of run.subRuns) lines.push(treeLines(subRun, paint, false))
  return lines
}

/** Tool calls and who was asked about them, in the order of time. */
function toolLines({ toolCalls, approvals }: RunTree, paint: Paint): readonly string[] {
  const lines = [
    ...approvals.map((event) => {
      const { type, time, data } = event
      const text = `${paint('yellow', printable(marked(type, confidenceOf(event))))} ${shortTime(time)}  ${details(data)}`
      return { time, text }
    }),
    ...toolCalls.map((call) => ({ time: call.startedAt ?? call.endedAt ?? '', text: toolLine(call, paint) })),
  ]
  return lines
    .sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0))
    .map(({ text }) => text)
}

function toolLine({ name, status, confidence, durationMs, error }: ToolCallSummary, paint: Paint): string {
  const parts = [
    `${paint('grey', 'tool')} ${printable(name)}`,
    paint(STATUS_COLOUR[status], printable(marked(status, confidence))),
    duration(durationMs),
    error ? paint('red', printable(`${error.code}: ${error.message}`)) : '',
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function tokensText(run: RunTree): string {
  const own = usageText(run.usage)
  return run.subRuns.length === 0 ? own : `${own || '0 tokens'}, with sub-runs ${usageText(run.totalUsage)}`
}

function usageText({ inputTokens, outputTokens, totalTokens, costUsd }: TokenUsage): string {
  if (totalTokens === 0) return ''
  const spent = costUsd === undefined ? '' : `, ${cost(costUsd)}`
  return `${totalTokens} tokens (${inputTokens} in, ${outputTokens} out${spent})`
}
