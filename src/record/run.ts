import {
  type Attributes,
  type Context,
  diag,
  INVALID_SPAN_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { AgentRef } from '../events/types.js'
import {
  type AuditScope,
  type ContextRun,
  contextScope,
  idText,
  withContextScope,
  withOwnAttributes,
} from './context.js'
import { emit, type RecordingLibrary, type RecordOptions, scopeAttributes } from './emit.js'
import { type Failure, failureOf, stackOf } from './failure.js'
import { activeContext, runIn } from './flow.js'
import { recordListeners } from './listeners.js'
import { type OptionKinds, readOptions, reportMisuse } from './misuse.js'
import * as names from './names.js'
import { SCOPE_KINDS } from './scope.js'
import { followStream, type Reading } from './streams.js'

/** What is known of a run when it begins. */
export interface RunOptions extends AuditScope {
  /** What people call the agent; runs are found by it. */
  readonly agentName?: string | undefined
  /** A stable id, where the name may change. */
  readonly agentId?: string | undefined
  /** @defaultValue a random UUID */
  readonly runId?: string | undefined
  /** The model it is to use; what its calls used is told by `recordTokenUsageUpdated`. */
  readonly model?: string | undefined
  /** What set it off: `user`, `schedule`, `webhook` … */
  readonly trigger?: string | undefined
  /** @defaultValue `agent` */
  readonly kind?: 'agent' | 'workflow' | undefined
  /**
   * The library that runs the agent: its span is started by the tracer of this name, and the events of the run have it as
   * their `source.scope`. Hand it to `record*` as well.
   *
   * @defaultValue `spanledger`
   */
  readonly library?: RecordingLibrary | undefined
  /** @defaultValue the global tracer provider's tracer with the name of `library` */
  readonly tracer?: Tracer | undefined
}

const RUN_KINDS: OptionKinds<RunOptions> = {
  ...SCOPE_KINDS,
  agentName: 'text',
  agentId: 'text',
  runId: 'text',
  model: 'text',
  trigger: 'text',
  kind: 'as is',
  library: 'as is',
  tracer: 'as is',
}

/** The run under way. Unless told otherwise it completes when the function returns and fails when it throws. */
export interface ActiveRun {
  /** For events recorded where the run's context does not reach: `recordTokenUsageUpdated(usage, { runId: run.runId })`. */
  readonly runId: string
  /** It completes; `finishReason` says how. */
  complete(result?: { readonly finishReason?: string | undefined }): void
  /** It is called off, also if the function then throws. */
  cancel(reason: string, by?: string): void
  /** It stops to go on later, also if the function then throws. */
  suspend(reason: string, waitingFor?: string): void
}

/** How a run ends; fields as in `data` of the terminal event. */
interface Ending {
  readonly outcome: 'completed' | 'cancelled' | 'suspended'
  readonly finishReason?: string | undefined
  readonly reason?: string | undefined
  readonly by?: string | undefined
  readonly waitingFor?: string | undefined
}

/**
 * Runs `fn` as one run of an agent: in a span `invoke_agent {agentName}`, which is active for everything inside. When
 * `fn` throws, or the promise it returns rejects, the run has failed, and the same value is thrown on. Inside another
 * run it is a sub-agent's. Where no SDK records the span, the run goes straight to the attached logs.
 *
 * The run ends when `fn` returns or its promise settles. Where that is a stream, it lasts as long as the stream is read: it
 * completes at the stream's end, fails when the stream throws, and is cancelled for the reason `left` when its reader goes
 * before. What happens inside while it is read belongs to the run. Streams are generators, other objects that can be
 * iterated asynchronously, web streams, streams of Node, and a `Response` with a body. A stream that nobody reads leaves
 * the run open, until it is given up after `abandonAfterMillis`. A run whose handle was told its end before `fn` returned
 * ends with `fn`. So does one whose stream is inside another object: consume that in `fn`.
 *
 * Options that cannot be used are left out and reported once through `diag`: `fn` runs in any case.
 *
 * @returns what `fn` returns; in place of a plain web stream, one that reads from it
 * @throws TypeError when `fn` is no function; what `fn` throws
 */
export function withRun<T>(options: RunOptions, fn: (run: ActiveRun) => T): T {
  if (typeof fn !== 'function')
    throw new TypeError('withRun: expected a function as the second argument, after the options')
  const run = new OpenRun(options)
  let result: T
  try {
    result = runIn(run.context, () => fn(run))
  } catch (thrown) {
    run.fail(thrown)
    throw thrown
  }
  if (isThenable(result)) {
    return Promise.resolve(result).then(
      (value: unknown) => endWith(run, value),
      (thrown: unknown) => {
        run.fail(thrown)
        throw thrown
      },
    ) as T
  }
  return endWith(run, result)
}

/** Ends the run, at once or with the stream that its function returned. */
function endWith<T>(run: OpenRun, result: T): T {
  const stream = run.isEndTold ? undefined : followStream(result, run)
  if (stream) return stream as T
  run.end()
  return result
}

const COMPLETED: Ending = Object.freeze({ outcome: 'completed' })

class OpenRun implements ActiveRun, Reading {
  readonly runId: string
  readonly context: Context
  readonly #span: Span
  /** Scope of its start and its end, where no span carries them. */
  readonly #detached: RecordOptions | undefined
  readonly #startedMillis = performance.now()
  #ending = COMPLETED
  #hasEnded = false
  #failure: Failure | undefined = undefined

  constructor(given: RunOptions) {
    const options = readOptions('withRun', given, RUN_KINDS)
    const outer = activeContext()
    const parent = contextScope(outer)?.run
    const agent = agentOf(options)
    this.runId = options.runId ?? crypto.randomUUID()
    const run: ContextRun = { runId: this.runId, parentRunId: parent?.runId, agent }
    const { tenantId, sessionId, userId } = options
    const scope: AuditScope = { tenantId, sessionId, userId }
    this.#span = startSpan(options, { ...scope, runId: this.runId, agent }, outer)
    this.context = withContextScope(trace.setSpan(outer, this.#span), { ...scope, run })
    if (this.#span.isRecording()) return
    this.#detached = { ...scope, ...run, context: this.context, library: options.library }
    if (parent) announce(run, contextScope(this.context)?.sessionId, { context: outer, library: options.library })
    emit('run_started', { agent, model: options.model, trigger: options.trigger }, this.#detached)
  }

  complete(result?: { readonly finishReason?: string | undefined }): void {
    this.#ending = { outcome: 'completed', finishReason: result?.finishReason }
  }

  cancel(reason: string, by?: string): void {
    this.#ending = { outcome: 'cancelled', reason, by }
  }

  suspend(reason: string, waitingFor?: string): void {
    this.#ending = { outcome: 'suspended', reason, waitingFor }
  }

  /** Its function has said how it ends. */
  get isEndTold(): boolean {
    return this.#ending !== COMPLETED
  }

  within<T>(action: () => T): T {
    return runIn(this.context, action)
  }

  /** The reader of its stream has gone before the end. */
  leave(): void {
    if (!this.isEndTold && !this.#hasEnded) this.cancel('left')
    this.end()
  }

  /** The function threw, or the stream that it returned. */
  fail(thrown: unknown): void {
    if (this.#hasEnded) return
    const failure = failureOf(thrown)
    if (this.#ending.outcome === 'completed') this.#failure = failure
    // Not the thrown value itself: an SDK reads it without care, and takes a numeric code for its type.
    quietly(() => this.#span.recordException({ ...failure, stack: stackOf(thrown) ?? '' }))
    this.end()
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#detached) this.#emitEnd(this.#detached)
    quietly(() => {
      this.#describeEnd()
      this.#span.end()
    })
  }

  #emitEnd(scope: RecordOptions): void {
    const durationMs = performance.now() - this.#startedMillis
    if (this.#failure) emit('run_failed', { durationMs, error: this.#failure }, scope)
    else {
      const { outcome, ...said } = this.#ending
      emit(`run_${outcome}`, { durationMs, ...said }, scope)
    }
  }

  #describeEnd(): void {
    if (this.#failure) {
      const { code, message } = this.#failure
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message })
      this.#span.setAttributes({ [names.RUN_OUTCOME]: 'failed', [names.ERROR_TYPE]: code })
      return
    }
    const { outcome, finishReason, reason, by, waitingFor } = this.#ending
    this.#span.setAttributes(
      defined({
        [names.RUN_OUTCOME]: outcome,
        [names.RUN_FINISH_REASON]: idText(finishReason),
        [names.RUN_REASON]: idText(reason),
        [names.RUN_CANCELLED_BY]: idText(by),
        [names.RUN_WAITING_FOR]: idText(waitingFor),
      }),
    )
  }
}

function startSpan(options: RunOptions, scope: RecordOptions, outer: Context): Span {
  const { library, tracer } = options
  const kind = kindOf(options)
  const { sessionId, agent } = scope
  const operation = kind === 'workflow' ? 'invoke_workflow' : 'invoke_agent'
  const attributes = defined({
    ...scopeAttributes(scope),
    [names.RUN_KIND]: kind,
    [names.RUN_MODEL]: options.model,
    [names.RUN_TRIGGER]: options.trigger,
    [names.GEN_AI_OPERATION]: operation,
    [names.GEN_AI_AGENT_ID]: agent?.id,
    [kind === 'workflow' ? names.GEN_AI_WORKFLOW_NAME : names.GEN_AI_AGENT_NAME]: agent?.name,
    [names.GEN_AI_CONVERSATION_ID]: sessionId,
    [names.GEN_AI_REQUEST_MODEL]: options.model,
  })
  const name = agent?.name === undefined ? operation : `${operation} ${agent.name}`
  try {
    const within = withOwnAttributes(outer, attributes)
    const span = (tracer ?? tracerOf(library)).startSpan(name, { attributes }, within)
    if (span.isRecording()) tellSpanStarted(span, name, attributes, within)
    return span
  } catch (problem) {
    diag.warn('spanledger: the span of a run could not be started', problem)
    return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  }
}

function tracerOf(library: RunOptions['library']): Tracer {
  return trace.getTracer(idText(library?.name) ?? 'spanledger', idText(library?.version))
}

/** The span may be of a provider that a listener knows nothing of. */
function tellSpanStarted(span: Span, name: string, attributes: Attributes, within: Context): void {
  for (const listener of recordListeners()) listener.onSpanStarted?.(span, name, attributes, within)
}

function kindOf({ kind = 'agent' }: RunOptions): 'agent' | 'workflow' {
  if (kind === 'agent' || kind === 'workflow') return kind
  reportMisuse("withRun: kind must be 'agent' or 'workflow'; taken for 'agent'")
  return 'agent'
}

function agentOf({ agentId: id, agentName: name }: RunOptions): AgentRef {
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}

/** Tells the run around a run that no span carries. A recorded one is told by whoever follows its span. */
function announce({ runId, agent }: ContextRun, sessionId: string | undefined, where: RecordOptions): void {
  const agentId = agent.id ?? agent.name ?? runId
  emit('sub_agent_invoked', { agentId, subThreadId: sessionId ?? runId, subRunId: runId }, where)
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}

/** What goes wrong with a span is no concern of the function that runs in it. */
function quietly(action: () => void): void {
  try {
    action()
  } catch (problem) {
    diag.warn('spanledger: the span of a run could not be ended', problem)
  }
}

function isThenable(value: unknown): boolean {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
  } catch {
    return false
  }
}
