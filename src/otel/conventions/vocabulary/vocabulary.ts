import type { Outcome } from '../contract.js'

/** The meaning of a span of a dialect, or of an event of one. */
export type SpanMeaning =
  /** One execution of an agent. */
  | 'agent'
  /** One execution of a workflow: a run that agents run inside of. */
  | 'workflow'
  /** A run where no run is around, else a step: for dialects that say nothing of agents. */
  | 'outermost'
  | 'tool'
  /** A call of a model that answers. */
  | 'model'
  | 'embeddings'
  | 'rerank'
  /** A look-up in what the agent remembers. */
  | 'recall'
  /** A look-up in documents. */
  | 'retrieval'
  | 'memory_write'
  | 'memory_delete'
  /** Control passes to another agent. */
  | 'handoff'
  /** A check that may block. */
  | 'guardrail'
  /** Part of the inner workings: no event by itself. */
  | 'step'

/**
 * The name of an attribute, or several names of which the first that a span has counts. `name#a.b` reads the member
 * `b` of `a` in an attribute that holds JSON text, `name#` the whole of it: a text in quotation marks without these.
 */
export type AttributeName = string | readonly string[]

/**
 * The names of the attributes that a dialect uses. What a row leaves out is read under the names of the GenAI
 * conventions.
 */
export interface VocabularyAttributes {
  readonly agentName?: AttributeName | undefined
  readonly agentId?: AttributeName | undefined
  readonly toolName?: AttributeName | undefined
  readonly toolType?: AttributeName | undefined
  readonly toolCallId?: AttributeName | undefined
  readonly model?: AttributeName | undefined
  readonly provider?: AttributeName | undefined
  /** `chat`, `embeddings` …, told when a call of a model fails. */
  readonly operation?: AttributeName | undefined
  readonly tenant?: AttributeName | undefined
  readonly session?: AttributeName | undefined
  readonly user?: AttributeName | undefined
  /** An id that the framework gave the run. */
  readonly runId?: AttributeName | undefined
  readonly errorType?: AttributeName | undefined
  readonly errorMessage?: AttributeName | undefined
  readonly finishReason?: AttributeName | undefined
  readonly responseId?: AttributeName | undefined
  readonly inputTokens?: AttributeName | undefined
  readonly outputTokens?: AttributeName | undefined
  readonly totalTokens?: AttributeName | undefined
  readonly cachedInputTokens?: AttributeName | undefined
  readonly cacheCreationInputTokens?: AttributeName | undefined
  readonly reasoningTokens?: AttributeName | undefined
  readonly costUsd?: AttributeName | undefined
  /** The number of records that a look-up found, or the list of them. */
  readonly records?: AttributeName | undefined
  /** The namespace or store of a look-up. */
  readonly store?: AttributeName | undefined
  readonly handoffFrom?: AttributeName | undefined
  readonly handoffTo?: AttributeName | undefined
  /** The name of a guardrail. */
  readonly guardrail?: AttributeName | undefined
  /** The action of a guardrail: `deny`, `block`, `reject`, `fail` and their past tenses violate a policy. */
  readonly guardrailAction?: AttributeName | undefined
  /** `true` where a guardrail was triggered. */
  readonly guardrailTriggered?: AttributeName | undefined
  /** `false` where a guardrail was not passed. */
  readonly guardrailPassed?: AttributeName | undefined
}

/**
 * A convention as a table: the spans of one dialect that are runs, tool calls, model calls …, and the attributes that
 * say so. A row of the table of dialects.
 *
 * A row with `scopes` speaks for the spans of these alone. A span is then what its name says (`spanNames`), else the value of
 * the first of `kindAttributes` that is there, else an attribute that is there at all (`markers`), else `otherwise`.
 *
 * @example
 * ```ts
 * const mine: Vocabulary = {
 *   name: 'my-framework',
 *   kindAttributes: 'acme.kind',
 *   kinds: { bot: 'agent', action: 'tool', llm: 'model', lookup: 'retrieval' },
 *   attributes: { agentName: 'acme.bot', toolName: 'acme.action', session: 'acme.chat', inputTokens: 'acme.usage#in' },
 * }
 * new AuditSpanProcessor({ vocabularies: [mine] })
 * ```
 */
export interface Vocabulary {
  /** Recorded in `source.convention` of every event. */
  readonly name: string
  /** Instrumentation scopes, exact or ending in `*`, to which the row is confined. @defaultValue any scope */
  readonly instrumentationScopes?: readonly string[] | undefined
  /** The attributes whose values say what a span is. */
  readonly kindAttributes?: AttributeName | undefined
  /** Meanings of the values of `kindAttributes`, in lower case and without quotation marks. Values that are not listed are steps. */
  readonly kinds?: Readonly<Record<string, SpanMeaning>> | undefined
  /** Meanings of span names; a name with `*` at its end is a prefix, and what follows names the agent or the tool. */
  readonly spanNames?: Readonly<Record<string, SpanMeaning>> | undefined
  /** Names in span names end before this text: what follows is content. */
  readonly nameUntil?: string | undefined
  /** A span name counts only where one of these attributes is there: for names that anybody may use. */
  readonly spanNamesWith?: AttributeName | undefined
  /** Meanings of spans that have an attribute of this name. */
  readonly markers?: Readonly<Record<string, SpanMeaning>> | undefined
  /** The meaning of the other spans of `scopes`. Without it, other conventions are asked. */
  readonly otherwise?: SpanMeaning | undefined
  /** The names of span events and log records, and what they mean. Only `guardrail` is one. */
  readonly events?: Readonly<Record<string, 'guardrail'>> | undefined
  readonly attributes?: VocabularyAttributes | undefined
  /** Outcomes of runs and tool calls, by the value of an attribute: `{ 'acme.result': { aborted: 'cancelled' } }`. */
  readonly outcomes?: Readonly<Record<string, Readonly<Record<string, Outcome>>>> | undefined
  /** Classes of errors by which a run is cancelled, besides the general ones. */
  readonly cancellations?: readonly string[] | undefined
  /** Classes of errors by which a run is suspended. */
  readonly pauses?: readonly string[] | undefined
  /** Classes of errors, or the words their messages begin with, and the axis of the limit that they say is reached. */
  readonly limits?: Readonly<Record<string, string>> | undefined
  /** An `exception` event is a failure, whatever the status. @defaultValue false */
  readonly exceptionsFail?: boolean | undefined
  /**
   * The span of a run that fails may never end: the run is over when its last child has ended with an error and nothing
   * else is open. @defaultValue false
   */
  readonly mayLeak?: boolean | undefined
  /**
   * The span of a run does not say how it ended: one without an error ended as the last run inside did, which is a guess.
   * @defaultValue false
   */
  readonly endsAsLastRun?: boolean | undefined
  /** Span events that hold the counts of tokens, under the names of attributes. */
  readonly usageEvents?: readonly string[] | undefined
  /** The name of a span never names the agent. Else it does, unless it is one of `spanNames`. @defaultValue false */
  readonly namelessRuns?: boolean | undefined
  /**
   * The span directly around a call of a model is the run, although nothing on it says so, where no other convention
   * speaks for it. @defaultValue false
   */
  readonly unmarkedRuns?: boolean | undefined
  /**
   * Agents run in workflows, tools and checks only: what says `agent` directly inside an agent is a hand-off, a
   * guardrail or a step, which its attributes tell at its end; one without a name is a step. @defaultValue false
   */
  readonly flatAgents?: boolean | undefined
}
