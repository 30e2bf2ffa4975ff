import { type Alteration, millisBetween, type Timestamp } from '../../events/index.js'
import type { Activity, Conclusion, ToolActivity, ToolCallReport, UsageReport } from '../conventions/contract.js'
import { errorOf } from '../conventions/shared/outcome.js'
import { hasDropped, type SpanLike } from '../span.js'
import type { CallBook } from './call-book.js'
import type { Emitter, Extras, Place } from './emitter.js'
import type { Ending } from './endings.js'
import { nanosOf } from './interval.js'
import { type Loss, lossOfUsage, lostAt } from './losses.js'
import type { Claim, SpanNode } from './span-node.js'
import { DURATION_MENDED, type ReadTime } from './span-times.js'
import { isUnset } from './told-again.js'
import { ToolCalls } from './tool-calls.js'
import { isNameless } from './tool-names.js'
import type { TwiceTold } from './twice-told.js'
import type { Counted, Reporter, UsageLedger } from './usage-ledger.js'

/** The end of a span, and what it means. */
export interface SpanEnd {
  /** The words of its convention. */
  readonly said: Conclusion
  readonly told: Ending
  /** The error of a span that has failed. */
  readonly error: Conclusion['error']
  readonly span: SpanLike
  readonly start: ReadTime
  readonly endedAt: Timestamp
  readonly place: Place
  readonly by: Reporter
}

/** Records calls of tools, models and memory, and what they consumed. */
export class CallRecorder {
  readonly #emitter: Emitter
  readonly #ledger: UsageLedger
  readonly #book: CallBook
  readonly #twiceTold: TwiceTold
  readonly #tools = new ToolCalls()

  constructor(parts: { emitter: Emitter; ledger: UsageLedger; book: CallBook; twiceTold: TwiceTold }) {
    this.#emitter = parts.emitter
    this.#ledger = parts.ledger
    this.#book = parts.book
    this.#twiceTold = parts.twiceTold
  }

  startTool(
    node: SpanNode,
    activity: ToolActivity,
    { span, startedAt, place }: { readonly span: SpanLike; readonly startedAt: Timestamp; readonly place: Place },
  ): void {
    node.callId = activity.callId ?? node.spanId
    if (activity.call) {
      // A protocol inside may tell of the call again.
      node.toolCall = this.#tools.enter(node, activity, span).call
      this.#hear(node, { ...activity.call, tool: activity.tool }, startedAt, { around: place, isStart: true })
      return
    }
    const { call, again } = this.#tools.enter(node, activity, span)
    node.toolCall = call
    node.tellsAgain = again
    if (again) return
    if (place.run) place.run.toolCalls++
    if (!node.context) return
    this.#emitter.emit('tool_call_started', { callId: node.callId, tool: activity.tool }, startedAt, place)
  }

  /** Records the event, if any, that the end of a span of this kind is. */
  end(node: SpanNode, activity: Activity, ending: SpanEnd): void {
    const { told, error, endedAt, place } = ending
    switch (activity.kind) {
      case 'tool':
        if (activity.call) this.#endToldCall(node, activity, activity.call, ending)
        else this.#endTool(node, activity, ending)
        return
      case 'recall': {
        const { tier, namespaceKey } = activity
        if (error) this.#emitter.emit('error_occurred', { error, operation: 'memory_recall' }, endedAt, place)
        else if (told.outcome === 'completed') {
          const marks = told.hits === undefined ? marksOf(told, 'data.hits') : undefined
          this.#emitter.emit('memory_recall', { tier, namespaceKey, hits: told.hits }, endedAt, place, marks)
        }
        return
      }
      case 'model':
        if (error) this.#emitter.emit('error_occurred', { error, operation: activity.operation }, endedAt, place)
        return
      default:
        return
    }
  }

  /** Records what a span says that was consumed, or that it is lost, and what it reports of a call. */
  recordUsage(node: SpanNode, claim: Claim, ending: SpanEnd): void {
    const { told, error, endedAt, place } = ending
    const callKey = told.usage?.callKey
    if (told.usage && callKey !== undefined) this.#recordToldUsage(node, { ...told.usage, callKey }, claim, ending)
    else if (told.usage) this.#recordReport(node, told.usage, ending)
    else if (claim.activity.kind === 'model' && !error) this.#recordLostUsage(node, claim, ending)
    if (told.call) this.#hear(node, told.call, endedAt, { around: place })
  }

  #endTool(node: SpanNode, activity: ToolActivity, ending: SpanEnd): void {
    const { said, told, span, start, endedAt, place } = ending
    const { toolCall: call } = node
    const isSilent = said.outcome === undefined && told.outcome === 'completed' && isUnset(span)
    const inner = isSilent ? call?.inner : undefined
    const outcome = inner?.outcome ?? told.outcome
    const error = inner?.error ?? ending.error ?? told.error ?? errorOf(span)
    if (call) {
      call.end = nanosOf(span.endTime)
      call.outcome = outcome
    }
    if (outcome === 'suspended') return // it will be called again when the run goes on
    const data = {
      callId: node.callId ?? node.spanId,
      tool: withName(told.tool ?? activity.tool, call?.betterName),
      durationMs: millisBetween(start.time, endedAt),
    }
    const isMended = start.isMended || place.isTimeMended === true
    const marks = isMended ? withMark(marksOf(told), DURATION_MENDED) : marksOf(told)
    if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, endedAt, place, marks)
    else this.#emitter.emit('tool_call_failed', { ...data, error }, endedAt, place, marks)
  }

  /** Reports the end of a call of which other spans and log records may tell the outcome. */
  #endToldCall(node: SpanNode, activity: ToolActivity, call: ToolCallReport, ending: SpanEnd): void {
    const { said, told, error, start, endedAt, place } = ending
    if (node.toolCall) node.toolCall.end = nanosOf(ending.span.endTime)
    if (told.outcome === 'suspended') return // it will be called again when the run goes on
    const durationMs = millisBetween(start.time, endedAt)
    // The status says nothing where other spans do.
    const plain = said.outcome === 'completed' ? said.outcome : undefined
    const known = told.outcome === 'failed' ? ({ outcome: told.outcome, error } as const) : { outcome: plain }
    const report = { ...call, ...known, tool: told.tool ?? activity.tool, durationMs }
    this.#hear(node, report, endedAt, { around: place, isOwnEnd: true })
  }

  #recordReport(node: SpanNode, report: UsageReport, { span, by, endedAt, place }: SpanEnd): void {
    const counted = this.#ledger.count(node, report, by)
    if (!counted) return
    const lost = lostCountsOf(span, report)
    if (lost && place.run) place.run.usageLoss = 'missing'
    place.run?.addUsage(counted.data)
    this.#emit(counted, lost, endedAt, place)
  }

  /** Records tokens that log records tell of as well. */
  #recordToldUsage(
    node: SpanNode,
    report: UsageReport & { readonly callKey: string },
    { activity }: Claim,
    { by, endedAt, place }: SpanEnd,
  ): void {
    const counted = this.#ledger.countTold(node, report, by)
    if (!counted) return
    const telling = {
      by: 'span' as const,
      callKey: report.callKey,
      keys: activity.loggedRun?.keys ?? [],
      sessionId: node.scope().sessionId,
      usage: counted.data,
      run: place.run,
    }
    if (counted.isToldInside) {
      // A client inside has told of it: log records add nothing.
      this.#twiceTold.note(telling)
      return
    }
    const rest = this.#twiceTold.beyond(telling)
    if (rest) this.#emit({ ...counted, data: rest }, undefined, endedAt, place)
  }

  #emit({ data, confidence, altered }: Counted, lost: readonly Alteration[] = [], time: Timestamp, place: Place): void {
    const marks = [...(altered ?? []), ...lost]
    const extras = { confidence, altered: marks.length > 0 ? marks : undefined }
    this.#emitter.emit('token_usage_updated', data, time, place, extras)
  }

  /** The tokens of a call are lost: they are recorded as not known, and so is the sum of the run. */
  #recordLostUsage(node: SpanNode, claim: Claim, { span, by, endedAt, place }: SpanEnd): void {
    const loss = lossOfUsage(span, claim)
    if (!loss || node.counted) return
    if (place.run) place.run.usageLoss = loss
    const data = { model: by.model, inputTokens: 0, outputTokens: 0, totalTokens: 0 }
    this.#emitter.emit('token_usage_updated', data, endedAt, place, { altered: LOST_COUNTS[loss] })
  }

  /** Reports a call that other spans and log records tell of as well. */
  #hear(
    node: SpanNode,
    report: ToolCallReport,
    time: Timestamp,
    { around, ...moment }: { readonly around: Place; readonly isStart?: boolean; readonly isOwnEnd?: boolean },
  ): void {
    this.#book.hear({ report, signal: 'span', session: node.scope().sessionId, time, place: around, ...moment })
  }
}

/** Returns what an event that is not a run's says of its own completeness: for a completed call, whether it has completed. */
function marksOf({ altered, confidence }: Conclusion, field?: string): Extras | undefined {
  if (!altered?.length) return undefined
  return field === undefined ? { altered, confidence } : { altered: altered.map(({ reason }) => ({ field, reason })) }
}

function withMark(marks: Extras | undefined, mark: Alteration): Extras {
  return { ...marks, altered: [...(marks?.altered ?? []), mark] }
}

const COUNTS = ['data.inputTokens', 'data.outputTokens', 'data.totalTokens']
const LOST_COUNTS: Readonly<Record<Loss, readonly Alteration[]>> = {
  missing: COUNTS.map((field) => lostAt(field, 'missing')),
  truncated: COUNTS.map((field) => lostAt(field, 'truncated')),
}

/** Counts that a span does not tell which has dropped attributes. */
function lostCountsOf(span: SpanLike, { inputTokens, outputTokens }: UsageReport): readonly Alteration[] | undefined {
  if (!hasDropped(span) || (inputTokens !== undefined && outputTokens !== undefined)) return undefined
  const [input, output, total] = LOST_COUNTS.missing
  return [inputTokens === undefined ? input : undefined, outputTokens === undefined ? output : undefined, total].filter(
    (lost) => lost !== undefined,
  )
}

function withName(tool: ToolActivity['tool'], better: string | undefined): ToolActivity['tool'] {
  return better !== undefined && isNameless(tool.name) ? { ...tool, name: better } : tool
}
