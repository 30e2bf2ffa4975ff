import { confidenceOf, isClaim, marked } from '../events/confidence.js'
import type { RunStatus } from '../events/run-status.js'
import type { StoredEvent, TokenUsage } from '../events/types.js'
import type { AgentSummary } from '../reader/summaries/agents.js'
import type { ToolCallSummary } from '../reader/summaries/run-summary.js'
import type { SessionSummary } from '../reader/summaries/sessions.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import { decisionText } from './decisions.js'
import type { Colour, Paint } from './output.js'
import { cost, duration, errorText, printable, shortened, shortTime } from './text.js'

const MAX_DETAIL_LENGTH = 160
/** Code units of the reason of a decision that are shown, so that what was decided on has room. */
const MAX_REASON_LENGTH = 80
/** Items of a list within an event that are shown. */
const MAX_LIST_ITEMS = 5
const MAX_ITEM_LENGTH = 40
/** Of `tool_approval_requested`. */
const TYPE_WIDTH = 23

export const STATUS_COLOUR: Readonly<Record<RunStatus | ToolCallSummary['status'], Colour>> = {
  running: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  suspended: 'yellow',
  interrupted: 'red',
  unfinished: 'yellow',
}

/** An event, with the number of its log in a ledger of several; one that is not committed yet has no position. */
export type PrintedEvent = Omit<StoredEvent, 'seq'> & { readonly seq: number | null; readonly log?: number }

/** One event in one line. */
export function eventLine(event: PrintedEvent, paint: Paint): string {
  const confidence = confidenceOf(event)
  const type = printable(marked(event.type, confidence))
  const who = event.agent?.name ?? event.agent?.id ?? ''
  const detail = shortened(detailsOf(event, MAX_REASON_LENGTH), MAX_DETAIL_LENGTH)
  const parts = [
    paint('grey', placeText(event).padStart(6)),
    shortTime(event.time),
    paint(eventColour(event.type, confidence), type.padEnd(TYPE_WIDTH)),
    printable(who),
    event.runId === undefined ? '' : paint('grey', `run=${printable(event.runId)}`),
    event.supersedes === undefined ? '' : paint('yellow', `supersedes=${printable(event.supersedes)}`),
    detail,
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function placeText({ seq, log }: PrintedEvent): string {
  const position = seq === null ? '–' : String(seq)
  return log === undefined ? position : `${log}:${position}`
}

/**
 * Returns the colour of an event. A client's claim has a colour of its own, neither that of success nor that of
 * failure.
 */
function eventColour(type: string, confidence: string | undefined): Colour {
  if (isClaim(confidence)) return 'yellow'
  if (/failed|error|denied|violation|interrupted|dropped|exceeded/.test(type)) return 'red'
  if (type === 'intervention') return 'yellow'
  return /completed|granted/.test(type) ? 'green' : 'cyan'
}

/** Returns what an event tells: a decision in words, and the fields that they leave out. @param maxReason - code units of its reason that are shown */
export function detailsOf(event: Pick<StoredEvent, 'type' | 'data' | 'source'>, maxReason?: number): string {
  const decision = decisionText(event, maxReason)
  if (!decision) return details(event.data)
  return [decision.words, details(decision.rest)].filter((part) => part !== '').join('  ')
}

/** The fields of an event's data, the inner ones by their paths. */
export function details(data: unknown, path = ''): string {
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
    run.error ? paint('red', printable(errorText(run.error))) : '',
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

/** The tokens of a usage and its cost; empty where there are none. */
export function usageText({ inputTokens, outputTokens, totalTokens, costUsd }: TokenUsage): string {
  if (totalTokens === 0) return ''
  const spent = costUsd === undefined ? '' : `, ${cost(costUsd)}`
  return `${totalTokens} tokens (${inputTokens} in, ${outputTokens} out${spent})`
}
