import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Fact, RunActivity, StepActivity } from '../contract.js'
import { record, text } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { fromClient } from '../shared/from-client.js'
import { toolInput } from './messages.js'

/*
 * Swarms and graphs of Strands. Their own spans say nothing of how they ended; those of their nodes do, or in Python, where
 * there are none, those of their agents.
 */

/* What is kept for the life of a run. */
const NODE_STATUS = 'strands.nodeStatus'
/** The end of an agent inside that did not end well. */
const AGENT_ENDING = 'strands.agentEnding'
/** The node of the swarm that an agent, and then the last of them, wants to go on with. */
const HANDS_OFF = 'strands.handsOff'

/** The more telling status of one node outweighs those of others. */
const NODE_STATUSES = ['COMPLETED', 'CANCELLED', 'INTERRUPTED', 'FAILED']

type AgentEnding = Pick<Conclusion, 'outcome' | 'error' | 'reason'>

export interface Step extends StepActivity {
  readonly step?: 'cycle' | 'node' | 'structured output' | undefined
}

/** A swarm or a graph. */
export interface Orchestrator extends RunActivity {
  readonly orchestrator: 'swarm' | 'graph'
}

/** An activity inside of a swarm, with the node that it is of: hand-offs are between nodes. */
export type Inside = Activity & { readonly swarmNode?: string | undefined }

export function stepOf(step: Step['step']): Step {
  return { kind: 'step', step }
}

export function orchestrator(attributes: Attributes, kind: 'swarm' | 'graph'): Orchestrator {
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name') ?? kind
  return {
    kind: 'run',
    agent: { name, ...(id !== undefined && { id }) },
    trigger: kind,
    orchestrator: kind,
    facts: fromClient(attributes, 'gen_ai.agent.input')?.tells(resumption),
  }
}

/** The input answers an interrupt: by the word of who calls. */
function resumption(input: string): readonly Fact[] | undefined {
  // Attacker-controlled: the input of a run, which a client can make up; at most 256 KiB and, where it is cut, 512
  // levels are read, and facts from it are claims.
  const blocks = input.startsWith('[') ? readJson(input).value : undefined
  const answers = Array.isArray(blocks) && blocks.some((block) => record(block).type === 'interruptResponse')
  return answers ? [{ type: 'resumed', data: {} }] : undefined
}

export function node(attributes: Attributes, { parent, runState }: Ancestors): Inside {
  const to = text(attributes, 'gen_ai.agent.id')
  if ((parent?.activity as Partial<Orchestrator> | undefined)?.orchestrator !== 'swarm') return stepOf('node')
  const wanted = runState?.get(HANDS_OFF) as { readonly from: string; readonly to: string } | undefined
  runState?.delete(HANDS_OFF)
  // A hand-off has happened when its target starts: a swarm may stop before.
  const facts: readonly Fact[] | undefined =
    wanted && wanted.to === to ? [{ type: 'agent_handoff', data: wanted }] : undefined
  return { ...stepOf('node'), swarmNode: to, facts }
}

export function endOfOrchestrator(told: Conclusion, { ownState }: Ancestors): Conclusion {
  if (told.error) {
    const cancelled = told.error.message.endsWith('cancelled by external signal')
    if (cancelled) return { outcome: 'cancelled', reason: 'cancelled', confidence: 'heuristic' }
    return { ...told, facts: limitIn(told.error.message) }
  }
  switch (ownState?.get(NODE_STATUS)) {
    case 'FAILED':
      return { outcome: 'failed', error: endingIn(ownState).error }
    case 'INTERRUPTED':
      return { outcome: 'suspended', reason: 'interrupt' }
    case 'CANCELLED':
      return { outcome: 'cancelled', reason: 'cancelled' }
    case undefined:
      return { ...told, ...endingIn(ownState) }
    default:
      return told
  }
}

function endingIn(ownState: Ancestors['ownState']): AgentEnding {
  return (ownState?.get(AGENT_ENDING) as AgentEnding | undefined) ?? {}
}

/** `max_steps=<3> | swarm reached step limit`, `timeout=<1000>, swarm_id=<s> | swarm exceeded wall-clock budget`. */
function limitIn(message: string): readonly Fact[] | undefined {
  const [, setting, limit] = /^(max_steps|steps|timeout|node_timeout)=<(\d+)>/.exec(message) ?? []
  if (setting === undefined) return undefined
  const axis = setting.endsWith('timeout') ? 'duration_ms' : 'turns'
  return [{ type: 'usage_limit_exceeded', data: { axis, limit: Number(limit) }, confidence: 'heuristic' }]
}

export function rememberNode(status: string | undefined, runState: Ancestors['runState']): void {
  const rank = NODE_STATUSES.indexOf(status ?? '')
  if (rank > NODE_STATUSES.indexOf(String(runState?.get(NODE_STATUS)))) runState?.set(NODE_STATUS, status)
}

/** An agent in a swarm answers with the node to go on with, or, at the end, with none. */
export function rememberHandoff(span: SpanLike, from: string, runState: Ancestors['runState']): void {
  if (text(span.attributes, 'gen_ai.tool.status') !== 'success') return
  const { agentId: to } = record(toolInput(span))
  if (typeof to === 'string' && to !== '') runState?.set(HANDS_OFF, { from, to })
}

/** Keeps the end of an agent for the swarm or the graph that it is a node of. */
export function rememberAgent({ outcome, error, reason }: AgentEnding, { runState, ownState }: Ancestors): void {
  if (outcome !== undefined) runState?.set(AGENT_ENDING, { outcome, error, reason } satisfies AgentEnding)
  const wanted = ownState?.get(HANDS_OFF)
  if (wanted) runState?.set(HANDS_OFF, wanted)
}
