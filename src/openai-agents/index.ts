import { createHash, randomBytes } from 'node:crypto'
import {
  type Attributes,
  context as activeContexts,
  type Context,
  diag,
  type HrTime,
  isSpanContextValid,
  type SpanContext,
  trace as traces,
} from '@opentelemetry/api'
import { RESUMED } from '../otel/conventions/openai-agents/openai-agents.js'
import { SPAN_TYPE } from '../otel/conventions/openai-agents/span-types.js'
import { scopeByNames } from '../otel/conventions/shared/user-scope.js'
import { toHrTime } from '../otel/hr-time.js'
import type { AuditSpanProcessor } from '../otel/processor.js'
import { RecentMap } from '../otel/recent-map.js'
import { SESSION_ID, TENANT_ID, USER_ID } from '../record/names.js'
import { NativeSpan } from './native-span.js'
import type { AgentsSpan, AgentsTrace, AgentsTracingProcessor } from './sdk.js'
import { attributesOf, nameOf } from './span-data.js'

export type { AgentsSpan, AgentsTrace, AgentsTracingProcessor } from './sdk.js'

/** Traces and spans that are remembered: the oldest give way. Those of a failed run may never end. */
const MAX_TRACES = 4096
const MAX_SPANS = 16_384
const MAX_MESSAGE_LENGTH = 16_384
const SAMPLED = 1

/** A trace that has begun: spans without a parent are its children while it lasts. */
interface KnownTrace {
  readonly root: NativeSpan
  /** Whose it is: a trace that goes on does not say so again. */
  readonly scope: Attributes
  /** The trace had begun before, or ended before: what comes goes on after an approval. */
  resumed: boolean
  ended: boolean
}

/**
 * A trace processor for `@openai/agents` that records its runs as audit events: in the logs attached to the span
 * processor, under its settings. The SDK's own traces tell more than any bridge to OpenTelemetry (the group and the
 * metadata of a workflow, usage where answers are not traced, traces that go on), and need no tracer. Use it instead of
 * such a bridge, not beside one: both would record every run.
 *
 * Its hooks never throw, and never make the SDK wait.
 *
 * @example
 * ```ts
 * import { addTraceProcessor } from '@openai/agents'
 * import { AuditSpanProcessor } from 'spanledger'
 * import { AuditTracingProcessor } from 'spanledger/openai-agents'
 *
 * const audit = new AuditSpanProcessor({ location: './audit' })
 * addTraceProcessor(new AuditTracingProcessor(audit))
 * ```
 */
export class AuditTracingProcessor implements AgentsTracingProcessor {
  readonly #audit: AuditSpanProcessor
  readonly #traces = new RecentMap<string, KnownTrace>(MAX_TRACES)
  /** Spans that are open, by the SDK's id. */
  readonly #spans = new Map<string, NativeSpan>()

  /**
   * @param audit - need not be registered with an OpenTelemetry SDK; whoever made it shuts it down
   * @throws TypeError when it is no `AuditSpanProcessor`
   */
  constructor(audit: AuditSpanProcessor) {
    if (typeof audit?.onStart !== 'function')
      throw new TypeError('AuditTracingProcessor: expected an AuditSpanProcessor')
    this.#audit = audit
    audit.feedDirectly?.()
  }

  /** Hook: a workflow has begun. */
  async onTraceStart(trace: AgentsTrace): Promise<void> {
    this.#safely(() => {
      const known = this.#traces.get(trace.traceId)
      const scope = known?.scope ?? scopeOf(trace)
      const resumed = known !== undefined
      const attributes = { [SPAN_TYPE]: 'trace', ...scope, ...(resumed && { [RESUMED]: true }) }
      const root = this.#start({ name: trace.name, traceId: trace.traceId, attributes })
      this.#traces.set(trace.traceId, { root, scope, resumed, ended: false })
    })
  }

  /** Hook: a workflow has ended. */
  async onTraceEnd({ traceId }: AgentsTrace): Promise<void> {
    this.#safely(() => {
      const known = this.#traces.get(traceId)
      if (!known || known.ended) return
      known.ended = true
      const { root } = known
      root.finish({ name: root.name, attributes: {}, failure: undefined, endTime: toHrTime(undefined) })
      this.#audit.onEnd(root)
    })
  }

  /** Hook: a span has begun. */
  async onSpanStart(span: AgentsSpan): Promise<void> {
    this.#safely(() => {
      const { traceId, spanId, parentId, startedAt, spanData } = span
      const known = this.#traces.get(traceId)
      const parent = parentId === null ? undefined : this.#spans.get(parentId)
      const attributes: Attributes = { [SPAN_TYPE]: spanData.type }
      if (known?.ended) {
        // A run that goes on may do so in a trace that has ended.
        known.resumed = true
        if (parentId === null) Object.assign(attributes, known.scope)
      }
      if (known?.resumed) attributes[RESUMED] = true
      const above = parent ?? (parentId !== null || known?.ended ? undefined : known?.root)
      const native = this.#start({
        name: nameOf(spanData),
        traceId,
        spanId,
        parentId,
        parent: above,
        startedAt,
        attributes,
      })
      this.#spans.set(spanId, native)
      if (this.#spans.size > MAX_SPANS) this.#spans.delete(this.#spans.keys().next().value as string)
    })
  }

  /** Hook: a span has ended. */
  async onSpanEnd(span: AgentsSpan): Promise<void> {
    this.#safely(() => {
      const native = this.#spans.get(span.spanId) ?? unseen(span)
      this.#spans.delete(span.spanId)
      const { spanData, error, endedAt } = span
      // What cannot be read costs the span no more than that.
      const attributes = this.#safely(() => attributesOf(spanData)) ?? {}
      native.finish({
        name: nameOf(spanData),
        attributes,
        failure: error ? failureOf(error) : undefined,
        endTime: timeOf(endedAt),
      })
      this.#audit.onEnd(native)
    })
  }

  /** @see AuditSpanProcessor.forceFlush */
  async forceFlush(): Promise<void> {
    await this.#audit.forceFlush()
  }

  /** Flushes. The span processor goes on: it may serve others as well. */
  async shutdown(): Promise<void> {
    await this.#audit.forceFlush()
  }

  #start(init: {
    name: string
    traceId: string
    spanId?: string
    parentId?: string | null
    parent?: NativeSpan | undefined
    startedAt?: string | null
    attributes: Attributes
  }): NativeSpan {
    const { name, attributes, parent, parentId } = init
    const active = activeContexts.active()
    // Below whatever span is active where the workflow begins: a run recorded by hand, or that of another framework.
    const enclosing =
      parent?.spanContext() ?? (parentId ? spanContextOf(init.traceId, parentId) : validSpanContext(active))
    const native = new NativeSpan({
      name,
      context: {
        traceId: enclosing?.traceId ?? traceIdOf(init.traceId),
        spanId: init.spanId === undefined ? randomBytes(8).toString('hex') : spanIdOf(init.spanId),
        traceFlags: SAMPLED,
      },
      parent: enclosing,
      startTime: timeOf(init.startedAt ?? null),
      attributes,
    })
    this.#audit.onStart(native, parent ? traces.setSpan(active, parent) : active)
    return native
  }

  #safely<T>(hook: () => T): T | undefined {
    try {
      return hook()
    } catch (problem) {
      diag.error('spanledger:', problem)
      return undefined
    }
  }
}

/** A span that began before this processor was added. */
function unseen({ traceId, spanId, parentId, startedAt, spanData }: AgentsSpan): NativeSpan {
  return new NativeSpan({
    name: nameOf(spanData),
    context: spanContextOf(traceId, spanId),
    parent: parentId === null ? undefined : spanContextOf(traceId, parentId),
    startTime: timeOf(startedAt),
    attributes: { [SPAN_TYPE]: spanData.type },
  })
}

/** The group of a workflow is its session; its metadata say more, under the names people use. */
function scopeOf({ groupId, metadata }: AgentsTrace): Attributes {
  const named = scopeByNames((name) => metadata?.[name])
  const sessionId = groupId ?? named.sessionId
  return {
    ...(sessionId && { [SESSION_ID]: sessionId }),
    ...(named.userId && { [USER_ID]: named.userId }),
    ...(named.tenantId && { [TENANT_ID]: named.tenantId }),
  }
}

/** As the bridge words it: a text of the SDK's, and what the error itself said. */
function failureOf({ message, data }: NonNullable<AgentsSpan['error']>): string {
  return `${message}${data === undefined || data === null ? '' : detailsOf(data)}`.slice(0, MAX_MESSAGE_LENGTH)
}

function detailsOf(data: unknown): string {
  try {
    return `: ${JSON.stringify(data)}`
  } catch {
    return ''
  }
}

function spanContextOf(traceId: string, spanId: string): SpanContext {
  return { traceId: traceIdOf(traceId), spanId: spanIdOf(spanId), traceFlags: SAMPLED }
}

function validSpanContext(context: Context): SpanContext | undefined {
  const active = traces.getSpanContext(context)
  return active && isSpanContextValid(active) ? active : undefined
}

function timeOf(iso: string | null): HrTime {
  const millis = iso === null ? Number.NaN : Date.parse(iso)
  return toHrTime(Number.isNaN(millis) ? undefined : new Date(millis))
}

/** The SDK's ids hold more or other digits than those of OpenTelemetry. */
function traceIdOf(id: string): string {
  return /^trace_([0-9a-f]{32})$/.exec(id)?.[1] ?? digestOf(id, 32)
}

function spanIdOf(id: string): string {
  return /^span_[0-9a-f]*([0-9a-f]{16})$/.exec(id)?.[1] ?? digestOf(id, 16)
}

function digestOf(id: string, digits: number): string {
  return createHash('sha256').update(String(id)).digest('hex').slice(0, digits)
}
