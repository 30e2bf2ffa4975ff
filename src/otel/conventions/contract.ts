import type { Attributes } from '@opentelemetry/api'
import type {
  AgentRef,
  Alteration,
  AuditEventData,
  AuditEventType,
  Confidence,
  Timestamp,
  TokenUsage,
} from '../../events/index.js'
import type { InstrumentationScope, SpanLike } from '../span.js'

/*
 * A convention knows how one family of instrumentations names things. It answers what a span is (`recognise`), what
 * came of it (`conclude`), and what an event added to it, or a log record, means (`translate`). It holds no state and
 * writes nothing: the tracker turns its answers into audit events, so the rules that hold for every convention (one
 * terminal event per run, tokens counted once, scope inherited) are kept in one place.
 */

/** When a span is looked at. Most instrumentations set their attributes after `onStart`: see docs/conventions.md. */
export type Moment = 'start' | 'microtask' | 'end'

/** Whose an activity is, as far as its attributes say. What is missing is inherited. */
export interface ScopeFacts {
  readonly tenantId?: string | undefined
  readonly sessionId?: string | undefined
  readonly userId?: string | undefined
  /** An id the framework gave the run. */
  readonly runId?: string | undefined
  readonly parentRunId?: string | undefined
}

/** An event a convention derives beside those that follow from the kind of the span. */
export type Fact = {
  [T in AuditEventType]: {
    readonly type: T
    readonly data: AuditEventData<T>
    /** When it happened, if that is not the moment it was seen. */
    readonly time?: Timestamp | undefined
    /** Overrides the scope the event would inherit. */
    readonly scope?: (ScopeFacts & { readonly agent?: AgentRef | undefined }) | undefined
    /**
     * It rests on a guess, such as the wording of a message (`heuristic`), or on content that a client can make up
     * (`claimed`). A fact that rests on several grounds has the confidence of the weakest.
     */
    readonly confidence?: Confidence | undefined
    /** Fields that were missing or wrong, and what stands in their place. */
    readonly altered?: readonly Alteration[] | undefined
  }
}[AuditEventType]

interface ActivityBase {
  /** Scope that the span itself names. */
  readonly scope?: ScopeFacts | undefined
  /** What can be told already now, recorded right after the start. */
  readonly facts?: readonly Fact[] | undefined
  /** Of `Lineage.open`, the one this span is inside of. */
  readonly within?: Surrounding | undefined
  /** The span tells of the one around it, claimed by the same convention, that it is a run: recorded before this. */
  readonly around?: RunActivity | undefined
  /** The span directly around, for which no convention has spoken, is this run: recorded before this. */
  readonly directlyAround?: RunActivity | undefined
  /**
   * The confidence that this is a run, or belongs to the run around it, when that rests on a guess or on a client's
   * content. Marks the start of a run.
   */
  readonly confidence?: Confidence | undefined
  /** The run, told in log records, that the span belongs to where no span around it is one: see `RunReport`. */
  readonly toldRun?: Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'> | undefined
}

/** Versions, parameters and digests of a run. */
export type RunDetails = Omit<AuditEventData<'run_started'>, 'agent' | 'model' | 'trigger'>

/** One execution of an agent or a workflow. Inside another run it is recorded as a sub-agent. */
export interface RunActivity extends ActivityBase {
  readonly kind: 'run'
  readonly agent: AgentRef
  /** Further facts that are known of it when it starts. */
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
  /** Keys under which log records tell of the same run: see `RunReport.keys`. */
  readonly keys?: readonly string[] | undefined
}

/** A call of a tool: recorded when it starts, and when it has completed or failed. */
export interface ToolActivity extends ActivityBase {
  readonly kind: 'tool'
  readonly tool: AuditEventData<'tool_call_started'>['tool']
  /** The span id stands in where the instrumentation names none. */
  readonly callId?: string | undefined
  /**
   * Other spans and log records tell of the same call, in any order: whether it was allowed, and what came of it. Its
   * end waits for their word for a while.
   */
  readonly call?: CallRef | undefined
}

/** A call of a model: chat, completion, embedding … Recorded by what it consumed, or by its failure. */
export interface ModelActivity extends ActivityBase {
  readonly kind: 'model'
  /** `chat`, `embeddings` …: `operation` of the event when the call fails. */
  readonly operation: string
  readonly model?: string | undefined
  readonly provider?: string | undefined
}

/** A look-up in memory or in a retriever. */
export interface RecallActivity extends ActivityBase {
  readonly kind: 'recall'
  readonly tier: string
  readonly namespaceKey?: string | undefined
}

/** A span of the framework's inner workings: claimed, so that its scope is inherited, but no event by itself. */
export interface StepActivity extends ActivityBase {
  readonly kind: 'step'
}

/** What a convention makes of a span. */
export type Activity = RunActivity | ToolActivity | ModelActivity | RecallActivity | StepActivity

/** How a run or a tool call ended. */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'suspended'

type ReportedUsage = { readonly [Field in keyof TokenUsage]?: TokenUsage[Field] | undefined }

/** What a span says that was consumed; fields it does not tell are absent. */
export interface UsageReport extends ReportedUsage {
  readonly model?: string | undefined
  readonly provider?: string | undefined
  readonly responseId?: string | undefined
  /**
   * Tells whether `inputTokens` includes the cached and the cache-creation tokens (`within`), or leaves them out (`beside`),
   * as Anthropic does. What is recorded always includes them.
   *
   * @defaultValue as the numbers and the instrumentation tell
   */
  readonly cache?: 'within' | 'beside' | undefined
  /**
   * Tells whether `outputTokens` includes the reasoning tokens (`within`), or leaves them out (`beside`), as Gemini does. What
   * is recorded always includes them.
   *
   * @defaultValue as the numbers tell
   */
  readonly reasoning?: 'within' | 'beside' | undefined
  /**
   * Counts although spans inside have reported too: they are known to report less than all, or something else. Not where
   * another instrumentation has told of the calls inside.
   */
  readonly authoritative?: boolean | undefined
  /** Takes in what spans inside have reported: only what goes beyond that counts. */
  readonly inclusive?: boolean | undefined
  /** Log records and spans of a session tell of the same model call, each with this key: it counts once. */
  readonly toldAs?: string | undefined
}

/** What came of an activity. */
export interface Conclusion {
  /** By the span's status where the convention says nothing: ERROR is `failed`, all else `completed`. */
  readonly outcome?: Outcome | undefined
  /** The outcome of a run rests on a guess, or on content of a client. */
  readonly confidence?: Confidence | undefined
  /** Fields of the terminal event that were lost, or rest on a part of what was told. */
  readonly altered?: readonly Alteration[] | undefined
  readonly error?: { readonly code: string; readonly message: string } | undefined
  /** Why it was cancelled or suspended. */
  readonly reason?: string | undefined
  readonly waitingFor?: string | undefined
  /** Who cancelled it. */
  readonly by?: string | undefined
  readonly finishReason?: string | undefined
  readonly usage?: UsageReport | undefined
  /** Of a recall: how many records were found. */
  readonly hits?: number | undefined
  /**
   * The run directly around the span cannot go on, and the instrumentation may never say so: unless its span ends soon,
   * it ended the way this one did.
   */
  readonly endsRun?: boolean | undefined
  /** Names that came only with the end. */
  readonly agent?: AgentRef | undefined
  readonly tool?: ToolActivity['tool'] | undefined
  readonly scope?: ScopeFacts | undefined
  /**
   * Scope that the framework repeats on every span of a run, so that it holds for the run, and those around, as far as
   * nothing else is known of them. Any other scope counts for the span and those below it; a session, for the run too.
   */
  readonly runScope?: ScopeFacts | undefined
  /** As `Activity.around`, where only the end tells. */
  readonly around?: RunActivity | undefined
  /** Recorded before the terminal event. */
  readonly facts?: readonly Fact[] | undefined
  /** The span's word on a tool call of which another span, or a log record, tells as well. */
  readonly call?: CallReport | undefined
}

/** The names of one tool call, as far as a span or a log record tells them. */
export interface CallRef {
  readonly callId?: string | undefined
  /** The span that is the call. */
  readonly spanId?: string | undefined
  /** Stands in where log records do not name the call: what the span knows as well. Calls that share it match in order. */
  readonly slot?: string | undefined
}

/** A decision on a tool call before it runs. */
export interface CallDecision {
  readonly verdict: 'granted' | 'denied'
  /** Somebody was asked: a rule, or a hook, decides without a request. */
  readonly asked: boolean
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

/** The word of one span or log record on a tool call. */
export interface CallReport extends CallRef {
  readonly tool?: ToolActivity['tool'] | undefined
  readonly decision?: CallDecision | undefined
  readonly outcome?: 'completed' | 'failed' | undefined
  readonly error?: Conclusion['error']
  readonly durationMs?: number | undefined
}

/** The state of a run of which log records tell. */
export interface RunState {
  /** `answered`: unless more follows, it has come to its end. */
  readonly stands: 'working' | 'answered' | 'failed' | 'cancelled'
  /** The model call this is about. One that has asked for tools has not given the last answer. */
  readonly request?: string | undefined
  readonly error?: Conclusion['error']
  readonly reason?: string | undefined
}

/**
 * The word of a log record on a run. Agents on a command line tell of their runs in log records, which name them by ids of
 * their own: of a session, of a prompt, or of a span that may never come.
 */
export interface RunReport {
  readonly sessionId: string
  /**
   * Keys of the run, the surest first. The record belongs to the run that has one of them; where several have the same,
   * to the last that began before it.
   */
  readonly keys: readonly string[]
  /** Belongs, where no key is known, to the run that is in progress in the session; else to the session only. */
  readonly isOfRunInProgress?: boolean | undefined
  readonly agent: AgentRef
  /** The record is the start of the run. */
  readonly begins?:
    | {
        readonly runId: string
        readonly trigger?: string | undefined
        /** Tells one start from another under the same key; a record that is delivered twice has the same. */
        readonly mark: string
        /** The keys may come again for another run. */
        readonly isNewRun?: boolean | undefined
        /** The run is a sub-agent of the one with these keys. */
        readonly parentKeys?: readonly string[] | undefined
      }
    | undefined
  readonly ends?: Conclusion | undefined
  readonly state?: RunState | undefined
  readonly call?: CallReport | undefined
  readonly usage?: UsageReport | undefined
  readonly facts?: readonly Fact[] | undefined
  /** The tenant and the user, beside the session. */
  readonly scope?: ScopeFacts | undefined
  /** Orders records of one time. */
  readonly sequence?: number | undefined
}

/** A claimed span around another. */
export interface Surrounding {
  readonly convention: string
  readonly activity: Activity
  /** While it is open. */
  readonly span: SpanLike | undefined
  /** The claimed span around this one. */
  readonly outer: Surrounding | undefined
}

/** What conventions keep for the life of a run, under keys of their own. A `Map` is one. */
export interface Memo {
  get(key: string): unknown
  has(key: string): boolean
  set(key: string, value: unknown): void
  delete(key: string): boolean
}

/** A span's place among those that are tracked. */
export interface Lineage {
  /** The nearest ancestor that a convention claimed. */
  readonly parent: Surrounding | undefined
  /** Name of the instrumentation scope of the span directly around, claimed or not, while that is open. */
  readonly parentScope?: string | undefined
  /** The run the span belongs to (for a run: the run around it). */
  readonly run: { readonly runId: string; readonly agent: AgentRef } | undefined
  /** What conventions keep for the life of that run. Bounded: at most 64 keys. */
  readonly memo: Memo | undefined
  /** For a span that is a run: what they kept for its own life. */
  readonly ownMemo?: Memo | undefined
  /** For an `unnested` convention: its spans that are open below the same parent, in the order of their start. */
  readonly open?: readonly Surrounding[] | undefined
}

/** An event added to a span, or a log record with an event name. */
export interface Occurrence {
  readonly name: string
  readonly attributes: Attributes
  readonly scope: InstrumentationScope
  /** The activity of the span it happened in, if one claimed it. */
  readonly activity: Activity | undefined
  /** What conventions keep for the life of the run it happened in. */
  readonly memo?: Memo | undefined
  /** Tells whether it came as a log record. */
  readonly isLogged?: boolean | undefined
  readonly time?: Timestamp | undefined
  /** Attributes of the resource of a log record. */
  readonly resource?: Attributes | undefined
  /** The ids of the span it happened in. */
  readonly span?: { readonly traceId: string; readonly spanId: string } | undefined
}

/**
 * Reads one family of instrumentations. Every method must be pure and quick: it runs on the application's thread.
 * What one throws is reported and costs the application nothing.
 */
export interface Convention {
  /** Recorded in `source.convention` of every event. */
  readonly name: string
  /** Instrumentation scopes that speak it: exact names, or prefixes ending in `*`. */
  readonly scopes?: readonly string[] | undefined
  /** Prefixes of attribute keys that speak it, whatever the scope. */
  readonly attributePrefixes?: readonly string[] | undefined
  /** Prefixes of span names that speak it, where neither scope nor attributes tell at the start. */
  readonly namePrefixes?: readonly string[] | undefined
  /** Prefixes of the names of span events and log records it translates, in spans of any convention. */
  readonly eventPrefixes?: readonly string[] | undefined
  /** Scopes whose events and log records are named without the first of these prefixes. */
  readonly eventScopes?: readonly string[] | undefined
  /**
   * Attributes that tell, beside the status, how spans of a kind ended, and what calls of a model consumed: keys, or
   * prefixes ending in `*`. Where one is cut, or is not there and the span has dropped some, what is recorded says that
   * it is not known for certain.
   */
  readonly decisive?: Readonly<Partial<Record<Activity['kind'] | 'usage', readonly string[]>>> | undefined
  /**
   * How its spans tell what they are inside of. `declared`: by their parent. `active`: they hang below something else
   * than their caller, which is the span that is active when they start. `unnested`: not at all, they start as
   * siblings; `recognise` then names one of `Lineage.open`, or none.
   *
   * @defaultValue `declared`
   */
  readonly parentage?: 'declared' | 'active' | 'unnested' | undefined
  /**
   * What the span is; `undefined` when that cannot be told yet, or it is none of its own; `later` when it is one of its
   * own for certain, so that no other convention shall be asked, but what it is shows later.
   */
  recognise(span: SpanLike, moment: Moment, lineage: Lineage): Activity | 'later' | undefined
  /** What came of a span it recognised. Called once, when the span has ended. */
  conclude?(span: SpanLike, activity: Activity, lineage: Lineage): Conclusion
  /** What an event says; nothing when it says nothing about the run. */
  translate?(occurrence: Occurrence): readonly Fact[]
  /** The word of an event on a run that it names by ids of the agent's own; asked before `translate`. */
  report?(occurrence: Occurrence): RunReport | undefined
}
