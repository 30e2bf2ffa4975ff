import type { Attributes } from '@opentelemetry/api'
import { content } from '../../../events/content.js'
import type { AgentRef } from '../../../events/index.js'
import type { Ancestors, Conclusion, Fact, TelemetryEvent } from '../contract.js'
import { text } from '../shared/attributes.js'
import { findingFact, GUARDRAIL_EVENT_PREFIXES } from './guardrails.js'

/*
 * Events of the GenAI conventions, on spans or as log records: what an evaluation found (released), and how executions
 * pause and go on (a draft, open-telemetry/semantic-conventions-genai #445). Content is never read.
 */

export const EVENT_PREFIXES = ['gen_ai.agent.', 'gen_ai.evaluation.', ...GUARDRAIL_EVENT_PREFIXES]

/** Kept for the life of a run: why it has paused, unless it has gone on since. */
const PAUSED = 'gen-ai.paused'

interface Pause {
  readonly reason: string
  readonly waitingFor: string | undefined
}

export function translateEvent({ name, attributes, runState }: TelemetryEvent): readonly Fact[] {
  switch (name) {
    case 'gen_ai.agent.paused':
      return paused(attributes, runState)
    case 'gen_ai.agent.resumed': {
      runState?.delete(PAUSED)
      const fromCheckpoint = text(attributes, 'gen_ai.agent.resumed_from.id', 'gen_ai.agent.checkpoint.id')
      return [
        { type: 'resumed', data: { fromCheckpoint }, scope: runState ? undefined : { agent: agentIn(attributes) } },
      ]
    }
    case 'gen_ai.agent.checkpointed':
      return [custom(name, { checkpointId: text(attributes, 'gen_ai.agent.checkpoint.id') })]
    case 'gen_ai.evaluation.result':
      return [
        custom(name, {
          evaluation: text(attributes, 'gen_ai.evaluation.name'),
          score: attributes['gen_ai.evaluation.score.value'],
          label: text(attributes, 'gen_ai.evaluation.score.label'),
          responseId: text(attributes, 'gen_ai.response.id'),
        }),
      ]
    case 'gen_ai.security.finding':
    case 'gen_ai.guardrail.security.finding':
      return [findingFact(name, attributes)]
    default:
      return []
  }
}

/** The run may go on within its span: whether it was suspended shows when that ends. */
function paused(attributes: Attributes, runState: TelemetryEvent['runState']): readonly Fact[] {
  const pause: Pause = {
    reason: text(attributes, 'gen_ai.agent.pause.reason') ?? 'paused',
    waitingFor: text(attributes, 'gen_ai.agent.pause.id'),
  }
  runState?.set(PAUSED, pause)
  return runState ? [] : [custom('gen_ai.agent.paused', { ...pause, reason: content(pause.reason, 'diagnostic') })]
}

/** Returns the conclusion of a run that has paused and has not gone on. */
export function pauseOf(ownState: Ancestors['ownState']): Conclusion | undefined {
  const pause = ownState?.get(PAUSED) as Pause | undefined
  return pause && { outcome: 'suspended', ...pause }
}

function custom(name: string, data: Readonly<Record<string, unknown>>): Fact {
  return { type: 'custom', data: { name, ...data } }
}

function agentIn(attributes: Attributes): AgentRef | undefined {
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name')
  if ((id ?? name) === undefined) return undefined
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}
