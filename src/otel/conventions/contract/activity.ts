import type { AgentRef, Alteration, AuditEventData, Confidence } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Fact, ScopeIds } from './fact.js'
import type { ToolCallRef, ToolRef } from './tool-call.js'

/** The names of a run that log records report. */
export interface LoggedRunRef {
  readonly sessionId: string
  /**
   * Keys of the run, the surest first. The record or the span belongs to the run that has one of them; where several have the
   * same, to the last that began before it.
   */
  readonly keys: readonly string[]
  /** Belongs, where no key is known, to the run that is in progress in the session; else to the session only. */
  readonly isOfRunInProgress?: boolean | undefined
}

interface ActivityBase {
  /** Scope that the span itself names. */
  readonly scope?: ScopeIds | undefined
  /** Facts that are known at the start, recorded right after it. */
  readonly facts?: readonly Fact[] | undefined
  /** The one of `Ancestors.open` that this span is inside of. */
  readonly within?: RecognisedSpan | undefined
  /**
   * Set where this span shows that the span which encloses it, recognised by the same convention, is a run: that run is
   * recorded first.
   */
  readonly enclosingRun?: RunActivity | undefined
  /** Set where this span shows that its direct parent, which no convention has recognised, is a run: recorded first. */
  readonly parentRun?: RunActivity | undefined
  /**
   * The confidence that this is a run, or belongs to the enclosing run, when that rests on a guess or on a client's
   * content. Marks the start of a run.
   */
  readonly confidence?: Confidence | undefined
  /** The run, reported by log records, that the span belongs to where no ancestor is a run: see `RunReport`. */
  readonly loggedRun?: LoggedRunRef | undefined
}

/** Versions, parameters and digests of a run. */
export type RunDetails = Omit<AuditEventData<'run_started'>, 'agent' | 'model' | 'trigger'>

/** One execution of an agent or a workflow. Inside another run it is recorded as a sub-agent. */
export interface RunActivity extends ActivityBase {
  readonly kind: 'run'
  readonly agent: AgentRef
  /** Further fields of `run_started`, as far as they are known at the start. */
  readonly details?: RunDetails | undefined
  /** Fields of its start that were wrong, and left out. */
  readonly altered?: readonly Alteration[] | undefined
  readonly model?: string | undefined
  readonly trigger?: string | undefined
  /**
   * The instrumentation is known to leave such spans open when they fail: the run is over when its last child has
   * ended with an error and nothing else is open.
   */
  readonly mayLeak?: boolean | undefined
  /** Keys under which log records report the same run: see `RunReport.keys`. */
  readonly keys?: readonly string[] | undefined
}

/** A call of a tool: recorded when it starts, and when it has completed or failed. */
export interface ToolActivity extends ActivityBase {
  readonly kind: 'tool'
  readonly tool: ToolRef
  /** @defaultValue the span id */
  readonly callId?: string | undefined
  /**
   * Set where other spans and log records report the same call, in any order: its approval, and its outcome. The end of the
   * call waits a while for them.
   */
  readonly call?: ToolCallRef | undefined
}

/** A call of a model: chat, completion, embedding …; recorded by its usage, or by its failure. */
export interface ModelActivity extends ActivityBase {
  readonly kind: 'model'
  /** `chat`, `embeddings` …: `operation` of the event when the call fails. */
  readonly operation: string
  readonly model?: string | undefined
  readonly provider?: string | undefined
}

/** A look-up in an agent's memory or in a retriever. */
export interface RecallActivity extends ActivityBase {
  readonly kind: 'recall'
  readonly tier: string
  readonly namespaceKey?: string | undefined
}

/** A span of the framework's inner workings: its scope is inherited, but it makes no event. */
export interface StepActivity extends ActivityBase {
  readonly kind: 'step'
}

/**
 * The meaning of a span.
 *
 * @example
 * A span `invoke_agent Support` that names its conversation:
 * ```ts
 * const activity: Activity = { kind: 'run', agent: { name: 'Support' }, model: 'gpt-4o', scope: { sessionId: 'thread-1' } }
 * ```
 * The log has it as `run_started`, with `data: { agent: { name: 'Support' }, model: 'gpt-4o' }` and `sessionId: 'thread-1'`.
 */
export type Activity = RunActivity | ToolActivity | ModelActivity | RecallActivity | StepActivity

/** An ancestor of a span that a convention has recognised. */
export interface RecognisedSpan {
  /** The name of that convention. */
  readonly convention: string
  readonly activity: Activity
  /** Set while the span is open. */
  readonly span: SpanLike | undefined
  /** The nearest recognised ancestor of this one. */
  readonly outer: RecognisedSpan | undefined
}
