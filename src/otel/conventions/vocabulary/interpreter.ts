import type { Attributes } from '@opentelemetry/api'
import type { AgentRef } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  Fact,
  RecognisedSpan,
  RunActivity,
  ScopeIds,
  StepActivity,
  ToolActivity,
} from '../contract.js'
import { countRecords } from '../shared/memory-tools.js'
import { modelFrom, providerFrom } from '../shared/usage.js'
import { Endings } from './endings.js'
import { guardrailFacts } from './guardrail-words.js'
import { type Readers, readersOf, textOf } from './reading.js'
import type { SpanMeaning, Vocabulary } from './vocabulary.js'
import { type Word, Words } from './words.js'

/** A step that is told by its meaning. */
interface MeantStep extends StepActivity {
  readonly meaning: SpanMeaning
  /** The span has a name of its own: what is inside of it is not directly inside what is around it. */
  readonly isNamed: boolean
}

/** The operation of a call of a model, where its span names none. */
const OPERATIONS: Partial<Record<SpanMeaning, string>> = { model: 'chat', embeddings: 'embeddings', rerank: 'rerank' }

/** Kept for the life of a run: how the last run inside ended, if not well. */
const LAST_RUN = 'vocabulary.lastRun'

/** Makes a convention of a row of the table. */
export function conventionOf(vocabulary: Vocabulary): Convention {
  const dialect = new Dialect(vocabulary)
  const { instrumentationScopes, events } = vocabulary
  return Object.freeze({
    name: vocabulary.name,
    // Confined to its instrumentationScopes, it is asked by them alone.
    instrumentationScopes,
    attributePrefixes: instrumentationScopes ? undefined : dialect.words.attributeKeys,
    namePrefixes: instrumentationScopes ? undefined : dialect.words.namePrefixes,
    eventPrefixes: events && Object.keys(events),
    recognise: (span, phase, ancestors) => dialect.recognise(span, phase === 'start', ancestors),
    conclude: (span, activity, ancestors) => dialect.conclude(span, activity, ancestors),
    translate: ({ name, attributes }) =>
      events && Object.hasOwn(events, name) ? guardrailFacts(dialect.read, attributes, name) : [],
  } satisfies Convention)
}

class Dialect {
  readonly words: Words
  readonly read: Readers
  readonly #vocabulary: Vocabulary
  readonly #endings: Endings

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.words = new Words(vocabulary)
    this.read = readersOf(vocabulary.attributes)
    this.#endings = new Endings(vocabulary, this.read)
  }

  recognise(span: SpanLike, isStart: boolean, ancestors: Ancestors): Activity | 'later' | undefined {
    const word = this.words.of(span)
    if (!word) return undefined
    if (word.provisional && isStart) return 'later'
    const activity = this.#activity(word, span, ancestors)
    return { ...activity, scope: this.#scopeOf(span.attributes) }
  }

  conclude(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
    const { attributes } = span
    const ending = this.#endings.of(span, activity)
    const conclusion: Conclusion = {
      ...ending,
      scope: this.#scopeOf(attributes),
      finishReason: textOf(this.read.finishReason(attributes)),
    }
    switch (activity.kind) {
      case 'run':
        return { ...this.#endOfRun(conclusion, ancestors), agent: this.#agentOf(span, this.words.of(span)) }
      case 'tool':
        return { ...conclusion, tool: this.#toolOf(span, this.words.of(span)) }
      case 'recall':
        return { ...conclusion, hits: hitsIn(this.read.records(attributes)) }
      case 'step':
        return { ...conclusion, facts: this.#factsOf(span, activity as MeantStep, ancestors.run?.agent.name) }
      default:
        return conclusion
    }
  }

  /** The end of the last run inside is that of this one, where the row says that its spans tell nothing of it. */
  #endOfRun(told: Conclusion, { runState, ownState }: Ancestors): Conclusion {
    if (!this.#vocabulary.endsAsLastRun) return told
    const isOver = told.error !== undefined || told.outcome !== undefined
    const last = isOver ? undefined : (ownState?.get(LAST_RUN) as Conclusion | undefined)
    const { outcome, error, reason } = last ?? told
    if (error || outcome) runState?.set(LAST_RUN, { outcome: outcome ?? 'failed', error, reason } satisfies Conclusion)
    else runState?.delete(LAST_RUN)
    return last ? { ...told, ...last, confidence: 'heuristic' } : told
  }

  #activity(word: Word, span: SpanLike, ancestors: Ancestors): Activity {
    const { meaning } = word
    switch (meaning) {
      case 'agent':
        return this.#agent(word, span, ancestors)
      case 'workflow':
        return { ...this.#run(word, span), trigger: 'workflow' }
      case 'outermost':
        return ancestors.run ? step(meaning, true) : this.#run(word, span)
      case 'tool':
        return this.#tool(word, span)
      case 'model':
      case 'embeddings':
      case 'rerank':
        return this.#call(meaning, span)
      case 'recall':
      case 'retrieval':
        return this.#recall(meaning, span, ancestors)
      default:
        return step(meaning, true)
    }
  }

  /** A nameless agent is an inner step of the agent that it is in, where agents are flat. */
  #agent(word: Word, span: SpanLike, { parent }: Ancestors): Activity {
    const run = this.#run(word, span)
    if (!this.#vocabulary.flatAgents) return run
    const isNamed = run.agent.name !== undefined || run.agent.id !== undefined
    const isInner = parent?.convention === this.#vocabulary.name && !isNamed && around(parent)?.activity.kind === 'run'
    if (isInner) return step('step', false)
    return isAgent(around(parent)) ? step('handoff', true) : run
  }

  #run(word: Word | undefined, span: SpanLike): RunActivity {
    const { mayLeak } = this.#vocabulary
    return { kind: 'run', agent: this.#agentOf(span, word), model: this.#modelOf(span.attributes), mayLeak }
  }

  #tool(word: Word, span: SpanLike): Activity {
    return { kind: 'tool', tool: this.#toolOf(span, word), callId: textOf(this.read.toolCallId(span.attributes)) }
  }

  #call(meaning: SpanMeaning, span: SpanLike): Activity {
    const { attributes } = span
    return {
      kind: 'model',
      operation: textOf(this.read.operation(attributes)) ?? OPERATIONS[meaning] ?? 'chat',
      model: this.#modelOf(attributes),
      provider: textOf(this.read.provider(attributes)) ?? providerFrom(attributes),
      parentRun: this.#vocabulary.unmarkedRuns ? { kind: 'run', agent: {} } : undefined,
    }
  }

  #recall(meaning: SpanMeaning, span: SpanLike, { parent }: Ancestors): Activity {
    // One retriever asks others: what it returns is what was recalled.
    if (parent?.activity.kind === 'recall') return step('step', false)
    const namespaceKey = textOf(this.read.store(span.attributes))
    return { kind: 'recall', tier: meaning === 'recall' ? 'memory' : 'retriever', namespaceKey }
  }

  #factsOf(span: SpanLike, { meaning }: MeantStep, agent: string | undefined): readonly Fact[] | undefined {
    const { attributes } = span
    const { read } = this
    switch (meaning) {
      case 'handoff': {
        const to = textOf(read.handoffTo(attributes))
        const from = textOf(read.handoffFrom(attributes))
        // One that may be something else is told by both.
        if (to !== undefined && (from !== undefined || !this.#vocabulary.flatAgents)) {
          return [{ type: 'agent_handoff', data: { from: from ?? agent, to } }]
        }
        return this.#vocabulary.flatAgents ? guardrailFacts(read, attributes, span.name) : undefined
      }
      case 'guardrail':
        return guardrailFacts(read, attributes, span.name)
      case 'memory_write':
        return [{ type: 'memory_written', data: { tier: 'memory', namespaceKey: textOf(read.store(attributes)) } }]
      case 'memory_delete':
        return [{ type: 'memory_deleted', data: { tier: 'memory', namespaceKey: textOf(read.store(attributes)) } }]
      default:
        return undefined
    }
  }

  #agentOf(span: SpanLike, word: Word | undefined): AgentRef {
    const { attributes } = span
    const isNamedBySpan = !this.#vocabulary.namelessRuns && !word?.isByName
    const name =
      textOf(this.read.agentName(attributes)) ??
      word?.named ??
      (isNamedBySpan ? this.words.withoutContent(span.name) : undefined)
    const id = textOf(this.read.agentId(attributes))
    return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
  }

  #toolOf(span: SpanLike, word: Word | undefined): ToolActivity['tool'] {
    const { attributes } = span
    const type = textOf(this.read.toolType(attributes))
    const name = textOf(this.read.toolName(attributes)) ?? word?.named ?? this.words.withoutContent(span.name)
    return { name, ...(type !== undefined && { type }) }
  }

  #modelOf(attributes: Attributes): string | undefined {
    return textOf(this.read.model(attributes)) ?? modelFrom(attributes)
  }

  #scopeOf(attributes: Attributes): ScopeIds {
    const { read } = this
    return {
      tenantId: textOf(read.tenant(attributes)),
      sessionId: textOf(read.session(attributes)),
      userId: textOf(read.user(attributes)),
      runId: textOf(read.runId(attributes)),
    }
  }
}

function step(meaning: SpanMeaning, isNamed: boolean): MeantStep {
  return { kind: 'step', meaning, isNamed }
}

/** The nearest span around that is not an unnamed step. */
function around(parent: RecognisedSpan | undefined): RecognisedSpan | undefined {
  let outer = parent
  while (outer?.activity.kind === 'step' && (outer.activity as Partial<MeantStep>).isNamed === false)
    outer = outer.outer
  return outer
}

function isAgent(surrounding: RecognisedSpan | undefined): boolean {
  const activity = surrounding?.activity
  return activity?.kind === 'run' && activity.trigger !== 'workflow'
}

function hitsIn(records: unknown): number | undefined {
  if (typeof records === 'number') return records
  return Array.isArray(records) ? records.length : countRecords(records)
}
