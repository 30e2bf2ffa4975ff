import { type Context, diag, type Span, trace } from '@opentelemetry/api'
import type { AgentRef } from '../events/types.js'
import { type AuditScope, type ContextRun, contextScope, withContextScope } from './context.js'
import { emit, type RecordOptions } from './emit.js'
import { type Failure, failureOf, stackOf } from './failure.js'
import { activeContext, runIn } from './flow.js'
import { readOptions } from './misuse.js'
import { RUN_KINDS, type RunOptions } from './run-options.js'
import { type Ending, endSpan, startSpan } from './run-span.js'
import type { Reading } from './streams.js'

/** The run under way. Without a call of these methods it completes when the function returns, and fails when it throws. */
export interface ActiveRun {
  /** For events recorded where the run's context does not reach: `recordTokenUsageUpdated(usage, { runId: run.runId })`. */
  readonly runId: string
  /** The run completes; `finishReason` gives the reason. */
  complete(result?: { readonly finishReason?: string | undefined }): void
  /** The run is called off, also if the function then throws. */
  cancel(reason: string, by?: string): void
  /** The run stops to go on later, also if the function then throws. */
  suspend(reason: string, waitingFor?: string): void
}

const COMPLETED: Ending = Object.freeze({ outcome: 'completed' })

/** A run from its start to its end, in its span or, where no span records, in events of its own. */
export class OpenRun implements ActiveRun, Reading {
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
  get isEndSet(): boolean {
    return this.#ending !== COMPLETED
  }

  within<T>(action: () => T): T {
    return runIn(this.context, action)
  }

  /** The reader of its stream has gone before the end. */
  leave(): void {
    if (!this.isEndSet && !this.#hasEnded) this.cancel('left')
    this.end()
  }

  /** The function threw, or the stream that it returned. */
  fail(thrown: unknown): void {
    if (this.#hasEnded) return
    const failure = failureOf(thrown)
    if (this.#ending.outcome === 'completed') this.#failure = failure
    // Not the thrown value itself: an SDK reads it without care, and takes a numeric code for its type.
    const { code, message, stackTrace: stack = stackOf(thrown) ?? '' } = failure
    quietly(() => this.#span.recordException({ code, message, stack }))
    this.end()
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#detached) this.#emitEnd(this.#detached)
    quietly(() => endSpan(this.#span, this.#failure ?? this.#ending))
  }

  #emitEnd(scope: RecordOptions): void {
    const durationMs = performance.now() - this.#startedMillis
    if (this.#failure) emit('run_failed', { durationMs, error: this.#failure }, scope)
    else {
      const { outcome, ...details } = this.#ending
      emit(`run_${outcome}`, { durationMs, ...details }, scope)
    }
  }
}

function agentOf({ agentId: id, agentName: name }: RunOptions): AgentRef {
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}

/** Returns the run around a run that no span carries. Of a recorded one, whoever follows its span finds it. */
function announce({ runId, agent }: ContextRun, sessionId: string | undefined, where: RecordOptions): void {
  const agentId = agent.id ?? agent.name ?? runId
  emit('sub_agent_invoked', { agentId, subThreadId: sessionId ?? runId, subRunId: runId }, where)
}

/** A problem with a span is no concern of the function that runs in it. */
function quietly(action: () => void): void {
  try {
    action()
  } catch (problem) {
    diag.warn('spanledger: the span of a run could not be ended', problem)
  }
}
