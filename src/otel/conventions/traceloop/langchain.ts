import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, RecognisedSpan } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import * as langchain from '../langchain/langchain.js'
import { answeringAgent, askingAgent, type ToolCall, toolCallsIn, toolMessageIn } from '../langchain/messages.js'
import { isClassName, isHandoffTool, isMerePart } from '../langchain/names.js'
import { resumedFacts } from '../langchain/reviews.js'
import type { Dialect } from '../langchain/serialised.js'
import { jsonIn, record, text } from '../shared/attributes.js'
import { fromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { operationIn } from '../shared/operation.js'
import { modelFrom, providerFrom } from '../shared/usage.js'
import { nestChain, nestGraph, nestInside } from './nesting.js'

/*
 * LangChain and LangGraph through Traceloop: see traceloop-nesting.ts for what its spans lack. They bear the names of
 * LangChain's classes; the agent's own name and the tool's are found in the messages that go in and out, if these are
 * reported at all.
 */

export const LANGCHAIN_SCOPE = '@traceloop/instrumentation-langchain'

const DIALECT: Dialect = { input: 'traceloop.entity.input', output: 'traceloop.entity.output' }
/** Of LangGraph, and so of every agent of LangChain 1. */
const GRAPH_CLASS = /^Compiled(?:State)?Graph$/
const TOOL_CLASS = /^(?:Dynamic)?(?:Structured)?Tool$/
/** Graphs among the nodes of a graph: the last answer need not be that graph's own. */
const HAS_INNER_GRAPHS = 'traceloop.hasInnerGraphs'

export function recogniseLangChain(span: SpanLike, ancestors: Ancestors): Activity | undefined {
  const { attributes } = span
  const open = (ancestors.open ?? []).filter((other) => scopeNameOf(other) === LANGCHAIN_SCOPE)
  switch (operationIn(attributes)) {
    case 'chat':
    case 'text_completion':
      return {
        kind: 'model',
        operation: operationIn(attributes) as string,
        model: modelFrom(attributes),
        provider: providerFrom(attributes),
        ...nestInside(open),
      }
    case 'execute_tool':
      return recogniseTool(span, open)
    case 'invoke_agent':
    case 'workflow':
      return recogniseChain(span, ancestors, open)
    default:
      return undefined
  }
}

function scopeNameOf({ span }: RecognisedSpan): string | undefined {
  return span?.instrumentationScope?.name
}

function recogniseChain(span: SpanLike, ancestors: Ancestors, open: readonly RecognisedSpan[]): Activity {
  const name = text(span.attributes, 'traceloop.workflow.name') ?? ''
  const agent = isClassName(name) || name === '' ? {} : { name }
  if (isGraph(span)) {
    const { within, byContent } = nestGraph(span, open, DIALECT.input)
    const confidence = within && (byContent ? 'claimed' : 'heuristic')
    return { kind: 'run', agent, within, confidence, facts: resumedFacts(span, DIALECT) }
  }
  const { within, ambiguous } = nestChain(open, isGraph)
  // A chain that was called from outside of LangChain, and not from within another run either.
  if (!within && !ambiguous && !ancestors.run && !isMerePart(name)) return { kind: 'run', agent }
  return { kind: 'step', within }
}

/** A graph of LangGraph's, or what Traceloop takes for an agent by the name of its class. */
function isGraph({ attributes }: SpanLike): boolean {
  return (
    GRAPH_CLASS.test(text(attributes, 'traceloop.workflow.name') ?? '') || operationIn(attributes) === 'invoke_agent'
  )
}

interface NamedTool {
  readonly toolName: string
}

function recogniseTool(span: SpanLike, open: readonly RecognisedSpan[]): Activity & NamedTool {
  const call = calledWith(span, open)
  const className = text(span.attributes, 'traceloop.entity.name') ?? 'unknown'
  const toolName = call?.name ?? className
  const { within } = nestInside(open)
  if (isHandoffTool(toolName)) return { kind: 'step', within, toolName }
  return { kind: 'tool', tool: { name: toolName }, callId: call?.id, within, toolName }
}

/** The call for which one of the open nodes was started: the one with the same arguments, if several were. */
function calledWith(span: SpanLike, open: readonly RecognisedSpan[]): ToolCall | undefined {
  const given = argumentsOf(span)
  const taken = new Set(open.map(({ activity }) => (activity.kind === 'tool' ? activity.callId : undefined)))
  const calls = open.flatMap(({ activity, span: node }) => (activity.kind === 'step' && node ? callsOf(node) : []))
  const free = calls.filter(({ id }) => id === undefined || !taken.has(id))
  return free.find((call) => call.arguments === given) ?? (free.length === 1 ? free[0] : undefined)
}

/** The calls that a node runs: what LangChain runs bears one of these names, whoever asked for it. */
function callsOf(node: SpanLike): readonly ToolCall[] {
  return toolCallsIn(node.attributes, DIALECT.input)?.borneOutBy('execution', (calls) => calls) ?? []
}

function argumentsOf(span: SpanLike): unknown {
  return fromClient(span.attributes, DIALECT.input)?.borneOutBy('execution', (input) => {
    // Attacker-controlled: the input of a tool, which a model or a client wrote; at most 256 KiB are parsed.
    const { args } = record(jsonIn(input))
    return Array.isArray(args) ? args[0] : undefined
  })
}

export function concludeLangChain(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
  switch (activity.kind) {
    case 'model': {
      const told = langchain.concludeModel(span, ancestors, undefined)
      return {
        ...genAiConvention.conclude?.(span, activity, ancestors),
        ...told,
        facts: told.error && quotaFacts(told.error),
      }
    }
    case 'run':
      return concludeRun(span, activity.agent.name, ancestors)
    default: {
      const { toolName } = activity as Partial<NamedTool>
      if (toolName === undefined) return langchain.concludeStep(span, DIALECT, ancestors, undefined)
      return concludeTool(span, toolName, activity, ancestors)
    }
  }
}

function concludeTool(span: SpanLike, toolName: string, activity: Activity, ancestors: Ancestors): Conclusion {
  const answered = toolMessageIn(span.attributes, DIALECT.output)?.name
  const name = TOOL_CLASS.test(toolName) && typeof answered === 'string' ? answered : toolName
  const node = ancestors.parent?.span
  const from = ancestors.run?.agent.name ?? (node && askerOf(node))
  const told = langchain.concludeTool(span, DIALECT, ancestors, { name, caller: from })
  return activity.kind === 'tool' ? { ...told, tool: { name } } : langchain.withCall(told, span, name)
}

/** The agent whose call a node runs. */
function askerOf(node: SpanLike): string | undefined {
  return askingAgent(node.attributes, DIALECT.input)?.borneOutBy('execution', (name) => name)
}

function concludeRun(span: SpanLike, name: string | undefined, ancestors: Ancestors): Conclusion {
  const { ownState, runState, parent } = ancestors
  if (parent?.activity.kind === 'step') runState?.set(HAS_INNER_GRAPHS, true)
  const agent = name ?? (ownState?.has(HAS_INNER_GRAPHS) ? undefined : answeringAgent(span.attributes, DIALECT))
  const told = langchain.concludeRun(span, DIALECT, ancestors, agent)
  return { ...told, agent: agent === undefined ? undefined : { name: agent } }
}
