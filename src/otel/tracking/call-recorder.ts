import { type Alteration, millisBetween, type Timestamp } from '../../events/index.js'
import type {
  Activity,
  Conclusion,
  RecallActivity,
  ToolActivity,
  ToolCallRef,
  ToolCallReport,
  UsageReport,
} from '../conventions/contract.js'
import { errorOf, withStackTrace } from '../conventions/shared/outcome.js'
import { argumentsIn, messagesIn, resultIn } from '../conventions/shared/payloads.js'
import { hasDropped, type SpanLike } from '../span.js'
import type { CallBook } from './call-book.js'
import type { DuplicateCalls } from './duplicate-calls.js'
import type { Emitter, EventOrigin, Extras } from './emitter.js'
import type { Ending } from './endings.js'
import { nanosOf } from './interval.js'
import { type Loss, lossOfUsage, lostAt } from './losses.js'
import type { Recognition } from './recognition.js'
import { isUnset } from './repeated-spans.js'
import type { SpanNode } from './span-node.js'
import { DURATION_MENDED, type ReadTime } from './span-times.js'
import { ToolCalls } from './tool-calls.js'
import { isNameless } from './tool-names.js'
import type { Counted, Reporter, UsageLedger } from './usage-ledger.js'

/** The end of a span, and its meaning. */
export interface SpanEnd {
  /** The words of its convention. */
  readonly conclusion: Conclusion
  readonly ending: Ending
  /** The error of a span that has failed. */
  readonly error: Conclusion['error']
  readonly span: SpanLike
  readonly start: ReadTime
  readonly endedAt: Timestamp
  readonly origin: EventOrigin
  readonly by: Reporter
}

/** Records calls of tools, models and memory, and what they consumed. */
export class CallRecorder {
  readonly #emitter: Emitter
  readonly #ledger: UsageLedger
  readonly #book: CallBook
  readonly #duplicates: DuplicateCalls
  readonly #tools = new ToolCalls()

  constructor(parts: { emitter: Emitter; ledger: UsageLedger; book: CallBook; duplicates: DuplicateCalls }) {
    this.#emitter = parts.emitter
    this.#ledger = parts.ledger
    this.#book = parts.book
    this.#duplicates = parts.duplicates
  }

  startTool(
    node: SpanNode,
    activity: ToolActivity,
    {
      span,
      startedAt,
      origin,
    }: { readonly span: SpanLike; readonly startedAt: Timestamp; readonly origin: EventOrigin },
  ): void {
    const id = activity.callId ?? node.spanId
    const { call: recorded, isRepeat } = this.#tools.enter(node, activity, span)
    node.ownRecord.becomeCall({ id, recorded })
    if (activity.call) {
      // A protocol inside may report the call again.
      const report = { ...activity.call, tool: activity.tool, ...argumentsIn(span) }
      this.#report(node, report, startedAt, { origin, isStart: true })
      return
    }
    if (isRepeat) {
      node.ownRecord.becomeRepeat()
      return
    }
    origin.run?.tally.addToolCall()
    if (!node.context) return
    const given = argumentsIn(span)
    if (given) node.record?.call?.recorded.takeArguments()
    const data = { callId: id, tool: activity.tool, ...given }
    this.#emitter.emit({ type: 'tool_call_started', data }, startedAt, origin)
  }

  /** Records the event, if any, that the end of a span of this kind is. */
  end(node: SpanNode, activity: Activity, end: SpanEnd): void {
    switch (activity.kind) {
      case 'tool':
        if (activity.call) this.#endReportedCall(node, activity, activity.call, end)
        else this.#endTool(node, activity, end)
        return
      case 'recall':
        if (end.error) this.#recordError(end.error, 'memory_recall', end)
        else this.#endRecall(activity, end)
        return
      case 'model':
        if (end.error) this.#recordError(end.error, activity.operation, end)
        return
      default:
        return
    }
  }

  /** Records the usage that a span reports, or its loss, and its report on a call. */
  recordUsage(node: SpanNode, recognition: Recognition, end: SpanEnd): void {
    const { ending, error, endedAt, origin } = end
    const { usage, call } = ending
    const { callKey } = usage ?? {}
    if (usage && callKey !== undefined) this.#recordDuplicateUsage(node, { ...usage, callKey }, recognition, end)
    else if (usage) this.#recordReport(node, usage, end)
    else if (recognition.activity.kind === 'model' && !error) this.#recordLostUsage(node, recognition, end)
    if (call) this.#report(node, call, endedAt, { origin })
  }

  #recordError(failed: NonNullable<SpanEnd['error']>, operation: string, { span, endedAt, origin }: SpanEnd): void {
    const error = withStackTrace(failed, span)
    this.#emitter.emit({ type: 'error_occurred', data: { error, operation } }, endedAt, origin)
  }

  #endRecall({ tier, namespaceKey }: RecallActivity, { ending, endedAt, origin }: SpanEnd): void {
    const { hits, outcome } = ending
    if (outcome !== 'completed') return
    const marks = hits === undefined ? marksOf(ending, 'data.hits') : undefined
    this.#emitter.emit({ type: 'memory_recall', data: { tier, namespaceKey, hits } }, endedAt, origin, marks)
  }

  #endTool(node: SpanNode, activity: ToolActivity, end: SpanEnd): void {
    const { conclusion, ending, span, start, endedAt, origin } = end
    const { call } = node.record ?? {}
    const isSilent = conclusion.outcome === undefined && ending.outcome === 'completed' && isUnset(span)
    const inner = isSilent ? call?.recorded.inner : undefined
    const outcome = inner?.outcome ?? ending.outcome
    const error = inner?.error ?? end.error ?? ending.error ?? errorOf(span)
    call?.recorded.end(nanosOf(span.endTime), outcome)
    if (outcome === 'suspended') return // it will be called again when the run goes on
    const data = {
      callId: call?.id ?? node.spanId,
      tool: withName(ending.tool ?? activity.tool, call?.recorded.betterName),
      durationMs: millisBetween(start.time, endedAt),
      // Where the span got them only after its start.
      ...(call?.recorded.hasArguments ? undefined : argumentsIn(span)),
      ...resultIn(span),
    }
    const isMended = start.isMended || origin.isTimeMended === true
    const marks = isMended ? withMark(marksOf(ending), DURATION_MENDED) : marksOf(ending)
    if (outcome === 'completed') this.#emitter.emit({ type: 'tool_call_completed', data }, endedAt, origin, marks)
    else {
      const failed = { ...data, error: withStackTrace(error, span) }
      this.#emitter.emit({ type: 'tool_call_failed', data: failed }, endedAt, origin, marks)
    }
  }

  /** Reports the end of a call whose outcome other spans and log records may report. */
  #endReportedCall(node: SpanNode, activity: ToolActivity, call: ToolCallRef, end: SpanEnd): void {
    const { conclusion, ending, error, span, start, endedAt, origin } = end
    node.record?.call?.recorded.end(nanosOf(span.endTime))
    if (ending.outcome === 'suspended') return // it will be called again when the run goes on
    const durationMs = millisBetween(start.time, endedAt)
    // The status says nothing where other spans do.
    const plain = conclusion.outcome === 'completed' ? conclusion.outcome : undefined
    const known = ending.outcome === 'failed' ? ({ outcome: ending.outcome, error } as const) : { outcome: plain }
    const tool = ending.tool ?? activity.tool
    const report = { ...call, ...known, tool, durationMs, ...argumentsIn(span), ...resultIn(span) }
    this.#report(node, report, endedAt, { origin, isOwnEnd: true })
  }

  #recordReport(node: SpanNode, report: UsageReport, end: SpanEnd): void {
    const { span, by, origin } = end
    const counted = this.#ledger.count(node, report, by)
    if (!counted) return
    const lost = lostCountsOf(span, report)
    if (lost) origin.run?.tally.loseUsage('missing')
    origin.run?.tally.addUsage(counted.data)
    this.#emit(counted, end, lost)
  }

  /** Records tokens that log records report as well. */
  #recordDuplicateUsage(
    node: SpanNode,
    report: UsageReport & { readonly callKey: string },
    { activity }: Recognition,
    end: SpanEnd,
  ): void {
    const { by, origin } = end
    const counted = this.#ledger.countDuplicate(node, report, by)
    if (!counted) return
    const signalled = {
      by: 'span' as const,
      callKey: report.callKey,
      keys: activity.loggedRun?.keys ?? [],
      sessionId: node.scope().sessionId,
      usage: counted.data,
      run: origin.run,
    }
    if (counted.isReportedInside) {
      // A client inside has reported it: log records add nothing.
      this.#duplicates.add(signalled)
      return
    }
    const rest = this.#duplicates.beyond(signalled)
    if (rest) this.#emit({ ...counted, data: rest }, end)
  }

  #emit({ data: counted, confidence, altered }: Counted, end: SpanEnd, lost: readonly Alteration[] = []): void {
    const { endedAt, origin, span, by } = end
    const data = by.kind === 'model' ? { ...counted, ...messagesIn(span) } : counted
    const marks = [...(altered ?? []), ...lost]
    const extras = { confidence, altered: marks.length > 0 ? marks : undefined }
    this.#emitter.emit({ type: 'token_usage_updated', data }, endedAt, origin, extras)
  }

  /** The tokens of a call are lost: they are recorded as not known, and so is the sum of the run. */
  #recordLostUsage(node: SpanNode, recognition: Recognition, { span, by, endedAt, origin }: SpanEnd): void {
    const loss = lossOfUsage(span, recognition)
    if (!loss || node.usage?.counted) return
    origin.run?.tally.loseUsage(loss)
    const data = { model: by.model, inputTokens: 0, outputTokens: 0, totalTokens: 0 }
    this.#emitter.emit({ type: 'token_usage_updated', data }, endedAt, origin, { altered: LOST_COUNTS[loss] })
  }

  /** Reports a call that other spans and log records report as well. */
  #report(
    node: SpanNode,
    report: ToolCallReport,
    time: Timestamp,
    at: { readonly origin: EventOrigin; readonly isStart?: boolean; readonly isOwnEnd?: boolean },
  ): void {
    this.#book.record({ report, signal: 'span', session: node.scope().sessionId, time, ...at })
  }
}

/** Returns the marks of an event that is not a run's: of a completed call, that its completion is not certain. */
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

/** The counts that are missing on a span which has dropped attributes. */
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
