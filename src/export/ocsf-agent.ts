import type { StoredEvent } from '../events/types.js'
import { textIn } from './facts.js'
import { API_ACTIVITY, APPLICATION_ERROR, APPLICATION_LIFECYCLE, type OcsfMapping } from './ocsf-classes.js'

type Members = Readonly<Record<string, unknown>>

/** OCSF requires a name where nothing is known. */
export const UNKNOWN = 'unknown'

/** Types of events that tell of a decision, in which `by` says who made it. */
export const DECISIONS: ReadonlySet<string> = new Set([
  'tool_approval_granted',
  'tool_approval_denied',
  'policy_decision',
  'intervention',
])

/** Classes that have `ai_agent`, with the profile `ai_operation`, as of OCSF 1.9. */
const WITH_AGENT: ReadonlySet<number> = new Set([APPLICATION_LIFECYCLE.uid, API_ACTIVITY.uid, APPLICATION_ERROR.uid])

/**
 * Returns the `ai_agent` that did what an event tells; `undefined` where the class has none, no agent is named, or somebody
 * else did it: whoever decides, or a guardrail. Its instance is the run.
 */
export function aiAgent(event: StoredEvent, mapping: OcsfMapping): Members | undefined {
  const { agent, runId, type } = event
  if (!WITH_AGENT.has(mapping.class.uid) || mapping.isOfTheLog) return undefined
  if (DECISIONS.has(type) || type === 'guardrail_evaluated') return undefined
  if (agent?.id === undefined && agent?.name === undefined) return undefined
  const version = textIn(event, 'agentVersion')
  const model = aiModel(event)
  return {
    ...(agent.id !== undefined && { uid: agent.id }),
    ...(agent.name !== undefined && { name: agent.name }),
    ...(runId !== undefined && { instance_uid: runId }),
    ...(version !== undefined && { version }),
    ...(model && { ai_model: model }),
  }
}

/** Returns the model that an event names. */
export function aiModel(event: StoredEvent): Members | undefined {
  const [name, provider] = [textIn(event, 'model'), textIn(event, 'provider')]
  if (name === undefined && provider === undefined) return undefined
  return { name: name ?? UNKNOWN, ai_provider: provider ?? UNKNOWN }
}
