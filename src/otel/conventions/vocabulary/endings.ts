import type { SpanLike } from '../../span.js'
import type { Activity, Conclusion, Fact, Outcome, UsageReport } from '../contract.js'
import { endingOfError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { amountOf, countOf, type Readers, textOf } from './reading.js'
import type { Vocabulary } from './vocabulary.js'

const EXCEPTION = 'exception'

/** Reads how the spans of a dialect ended, and what they consumed. */
export class Endings {
  readonly #vocabulary: Vocabulary
  readonly #read: Readers
  readonly #cancellations: ReadonlySet<string>
  readonly #pauses: ReadonlySet<string>
  readonly #outcomes: readonly (readonly [string, Readonly<Record<string, Outcome>>])[]
  readonly #limits: readonly (readonly [string, string])[]

  constructor(vocabulary: Vocabulary, read: Readers) {
    this.#vocabulary = vocabulary
    this.#read = read
    this.#cancellations = new Set(vocabulary.cancellations)
    this.#pauses = new Set(vocabulary.pauses)
    this.#outcomes = Object.entries(vocabulary.outcomes ?? {})
    this.#limits = Object.entries(vocabulary.limits ?? {})
  }

  of(span: SpanLike, { kind }: Activity): Conclusion {
    const named = this.#namedOutcome(span)
    const error = named === undefined || named === 'failed' ? this.#errorOf(span, named) : undefined
    const outcome = named ?? (error && this.#outcomeOf(error, span))
    const usage = kind === 'tool' ? undefined : this.#usageOf(span)
    return {
      outcome,
      error: outcome === undefined || outcome === 'failed' ? error : undefined,
      reason: outcome && REASONS[outcome],
      usage,
      facts: error && this.#limitFacts(error, kind),
    }
  }

  #namedOutcome({ attributes }: SpanLike): Outcome | undefined {
    for (const [attribute, outcomes] of this.#outcomes) {
      const value = String(attributes[attribute])
      if (Object.hasOwn(outcomes, value)) return outcomes[value]
    }
    return undefined
  }

  #errorOf(span: SpanLike, named: Outcome | undefined): SpanError | undefined {
    const { attributes } = span
    const code = textOf(this.#read.errorType(attributes))
    const threw = this.#vocabulary.exceptionsFail === true && span.events.some(({ name }) => name === EXCEPTION)
    if (!hasErrorStatus(span) && !threw && code === undefined && named !== 'failed') return undefined
    const error = errorOf(span)
    return { code: code ?? error.code, message: textOf(this.#read.errorMessage(attributes)) ?? error.message }
  }

  /**
   * Returns the outcome that an error has by the words of the row. An error that was caused by a cancellation is one, where
   * the span has recorded its cause as well. Any other error means the same in all conventions.
   */
  #outcomeOf(error: SpanError, { events }: SpanLike): Outcome | undefined {
    const causes = events.map(({ name, attributes }) =>
      name === EXCEPTION ? attributes?.['exception.type'] : undefined,
    )
    const codes = [error.code, ...causes].filter((code) => typeof code === 'string')
    const isCancelled = (code: string) => endingOfError({ code, message: '' }).outcome === 'cancelled'
    if (codes.some((code) => this.#cancellations.has(code) || isCancelled(code))) return 'cancelled'
    return codes.some((code) => this.#pauses.has(code)) ? 'suspended' : undefined
  }

  #limitFacts(error: SpanError, kind: Activity['kind']): readonly Fact[] | undefined {
    if (kind === 'model') return quotaFacts(error)
    if (kind !== 'run') return undefined
    for (const [word, axis] of this.#limits) {
      if (error.code === word) return [{ type: 'usage_limit_exceeded', data: { axis } }]
      if (error.message.includes(word)) {
        return [{ type: 'usage_limit_exceeded', data: { axis }, confidence: 'heuristic' }]
      }
    }
    return undefined
  }

  /** Counts under the row's names, the general ones, or in an event. */
  #usageOf({ attributes, events }: SpanLike): UsageReport | undefined {
    const read = this.#read
    const told = usageFrom(attributes) ?? this.#usageInEvents(events)
    const input = countOf(read.inputTokens(attributes))
    const output = countOf(read.outputTokens(attributes))
    const total = countOf(read.totalTokens(attributes))
    const costUsd = amountOf(read.costUsd(attributes))
    if (input === undefined && output === undefined && total === undefined && costUsd === undefined) return told
    return {
      ...told,
      inputTokens: input ?? told?.inputTokens,
      outputTokens: output ?? told?.outputTokens,
      totalTokens: total ?? told?.totalTokens,
      cachedInputTokens: countOf(read.cachedInputTokens(attributes)) ?? told?.cachedInputTokens,
      cacheCreationInputTokens: countOf(read.cacheCreationInputTokens(attributes)) ?? told?.cacheCreationInputTokens,
      reasoningTokens: countOf(read.reasoningTokens(attributes)) ?? told?.reasoningTokens,
      costUsd: costUsd ?? told?.costUsd,
      model: textOf(read.model(attributes)) ?? told?.model,
      provider: textOf(read.provider(attributes)) ?? told?.provider,
      responseId: textOf(read.responseId(attributes)) ?? told?.responseId,
    }
  }

  #usageInEvents(events: SpanLike['events']): UsageReport | undefined {
    const names = this.#vocabulary.usageEvents
    if (!names) return undefined
    // The last: a stream tells the counts so far.
    for (let i = events.length - 1; i >= 0; i--) {
      const event = events[i]
      const usage = event?.attributes && names.includes(event.name) ? usageFrom(event.attributes) : undefined
      if (usage) return usage
    }
    return undefined
  }
}

const REASONS: Readonly<Record<Outcome, string | undefined>> = {
  completed: undefined,
  failed: undefined,
  cancelled: 'aborted',
  suspended: 'interrupted',
}
