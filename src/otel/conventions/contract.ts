import type { SpanLike } from '../span.js'
import type { Activity } from './contract/activity.js'
import type { Ancestors, SpanPhase } from './contract/ancestors.js'
import type { Conclusion } from './contract/conclusion.js'
import type { Fact } from './contract/fact.js'
import type { RunReport } from './contract/run-report.js'
import type { TelemetryEvent } from './contract/telemetry-event.js'

/*
 * A convention knows how one family of instrumentations names things. It answers what a span is (`recognise`), what
 * came of it (`conclude`), and what an event added to it, or a log record, means (`translate`). It holds no state and
 * writes nothing: the tracker turns its answers into audit events, so the rules that hold for every convention (one
 * terminal event per run, tokens counted once, scope inherited) are kept in one place.
 */

export type {
  Activity,
  LoggedRunRef,
  ModelActivity,
  RecallActivity,
  RecognisedSpan,
  RunActivity,
  RunDetails,
  StepActivity,
  ToolActivity,
} from './contract/activity.js'
export type { Ancestors, ConventionState, SpanPhase } from './contract/ancestors.js'
export type { Conclusion, Outcome, UsageReport } from './contract/conclusion.js'
export type { Fact, ScopeIds } from './contract/fact.js'
export type { RunProgress, RunReport, RunStartReport } from './contract/run-report.js'
export type { TelemetryEvent } from './contract/telemetry-event.js'
export type { ErrorDetails, ToolCallDecision, ToolCallRef, ToolCallReport, ToolRef } from './contract/tool-call.js'

/**
 * The rules for one family of instrumentations: they recognise spans and say what came of them. Every method must be
 * pure and quick: it runs on the application's thread. What one throws is reported and costs the application nothing.
 */
export interface Convention {
  /** Recorded in `source.convention` of every event. */
  readonly name: string
  /** Instrumentation scopes that speak it: exact names, or prefixes ending in `*`. */
  readonly instrumentationScopes?: readonly string[] | undefined
  /** Prefixes of attribute keys that speak it, whatever the scope. */
  readonly attributePrefixes?: readonly string[] | undefined
  /** Prefixes of span names that speak it, where neither scope nor attributes tell at the start. */
  readonly namePrefixes?: readonly string[] | undefined
  /** Prefixes of the names of span events and log records it translates, in spans of any convention. */
  readonly eventPrefixes?: readonly string[] | undefined
  /** Scopes whose events and log records are named without the first of these prefixes. */
  readonly eventInstrumentationScopes?: readonly string[] | undefined
  /**
   * Attributes that tell, beside the status, how spans of a kind ended, and what calls of a model consumed: keys, or
   * prefixes ending in `*`. Where one is cut, or is not there and the span has dropped some, what is recorded says that
   * it is not known for certain.
   */
  readonly decisive?: Readonly<Partial<Record<Activity['kind'] | 'usage', readonly string[]>>> | undefined
  /**
   * How its spans tell what they are inside of. `declared`: by their parent. `active`: they hang below something else
   * than their caller, which is the span that is active when they start. `unnested`: not at all, they start as
   * siblings; `recognise` then names one of `Ancestors.open`, or none.
   *
   * @defaultValue `declared`
   */
  readonly parentage?: 'declared' | 'active' | 'unnested' | undefined
  /**
   * Returns the meaning of a span; `undefined` when that cannot be told yet, or the span is none of its own; `later` when it is
   * one of its own for certain, so that no other convention shall be asked, but its meaning shows later.
   */
  recognise(span: SpanLike, phase: SpanPhase, ancestors: Ancestors): Activity | 'later' | undefined
  /** Returns the end of a span that it recognised. Called once, when the span has ended. */
  conclude?(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion
  /** Returns the facts that an event states; none when it states nothing about the run. */
  translate?(event: TelemetryEvent): readonly Fact[]
  /** Returns the report of an event on a run that it names by ids of the agent's own; asked before `translate`. */
  report?(event: TelemetryEvent): RunReport | undefined
}
