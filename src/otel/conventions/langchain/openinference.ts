import { timestampFromHrTime } from '../../../events/index.js'
import { type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, RunActivity, StepActivity } from '../contract.js'
import { openInferenceConvention, scopeOfSpan } from '../openinference/openinference.js'
import { readRecord, text } from '../shared/attributes.js'
import { type HandoffStep, handoffStep } from '../shared/handoff-tools.js'
import { quotaFacts } from '../shared/limits.js'
import { hasErrorStatus } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { langChainErrorOf } from './errors.js'
import * as langchain from './langchain.js'
import { responseIdIn } from './messages.js'
import { isClassName, isHandoffTool, isMerePart } from './names.js'
import { resumedFacts } from './reviews.js'
import type { Dialect } from './serialised.js'

/*
 * LangChain and LangGraph through OpenInference. Spans nest, and start with their name and kind; all else comes with
 * the end. So the outermost chain is a run from its start, and a graph inside another is one from the moment its first
 * node, `__start__`, begins; or where a node tells at its start that it is one. In Python, whatever has "agent" in its
 * name is of the kind `AGENT`, and says nothing by it.
 */

const DIALECT: Dialect = { input: 'input.value', output: 'output.value' }
const FIRST_NODE = '__start__'
const PYTHON_SCOPE = 'openinference.instrumentation.langchain'

/** LangChain and LangGraph through OpenInference's instrumentations for JavaScript and Python. */
export const langChainOpenInferenceConvention: Convention = {
  name: 'langchain-openinference',
  instrumentationScopes: ['@arizeai/openinference-instrumentation-langchain*', `${PYTHON_SCOPE}*`],

  recognise(span, phase, ancestors) {
    switch (kindOf(span)) {
      case 'CHAIN':
      case 'AGENT':
        return recogniseChain(span, ancestors)
      case 'TOOL': {
        if (!isHandoffTool(toolName(span))) break
        const scope = scopeOfSpan(span.attributes)
        const step: Activity = { kind: 'step', scope }
        // What a tool returns tells whether it hands over, but in Python as a text for people.
        return isOfPython(span) ? (handoffStep(span, toolName(span), ancestors, { scope }) ?? step) : step
      }
    }
    return openInferenceConvention.recognise(span, phase, ancestors)
  },

  conclude(span, activity, ancestors) {
    const told = ownConclusion(span, activity) ?? openInferenceConvention.conclude?.(span, activity, ancestors) ?? {}
    const { usage } = told
    const responseId = usage && responseIdIn(span.attributes, DIALECT.output)
    return { ...told, usage: usage && { ...usage, responseId }, ...conclude(span, activity, ancestors) }
  },
}

function isOfPython(span: SpanLike): boolean {
  return scopeOf(span).name.startsWith(PYTHON_SCOPE)
}

/** Facts that runs and hand-offs tell beside what LangChain means by them. */
function ownConclusion({ attributes }: SpanLike, activity: Activity): Conclusion | undefined {
  const isOwn = activity.kind === 'run' || 'handoff' in activity
  return isOwn ? { scope: scopeOfSpan(attributes), usage: usageFrom(attributes) } : undefined
}

function kindOf(span: SpanLike): string | undefined {
  return text(span.attributes, 'openinference.span.kind')
}

function recogniseChain(span: SpanLike, ancestors: Ancestors): Activity {
  const { name, attributes } = span
  const scope = scopeOfSpan(attributes)
  if (!ancestors.run && !isMerePart(name)) return { ...runNamed(name), scope }
  const enclosingRun = name === FIRST_NODE || isNode(span, ancestors) ? graphAround(ancestors) : undefined
  const facts = name === FIRST_NODE ? undefined : langchain.handoffTo(name, ancestors)
  return { kind: 'step', scope, enclosingRun, facts } satisfies StepActivity
}

function runNamed(name: string): RunActivity {
  return { kind: 'run', agent: isClassName(name) ? {} : { name } }
}

/** Whoever has nodes is a graph. */
function graphAround({ parent }: Ancestors): RunActivity | undefined {
  return parent?.activity.kind === 'step' && parent.span ? runNamed(parent.span.name) : undefined
}

function conclude(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
  switch (activity.kind) {
    case 'run':
      return concludeRun(span, ancestors)
    case 'tool':
      return concludeTool(span, ancestors)
    case 'model': {
      const told = langchain.concludeModel(span, ancestors, metadataOf(span).lc_source)
      return told.error ? { ...told, facts: quotaFacts(told.error) } : told
    }
    case 'step':
      if ('handoff' in activity) {
        return langchain.withPendingHandoff(concludeTool(span, ancestors), span, activity as HandoffStep, ancestors)
      }
      if (kindOf(span) === 'TOOL') return langchain.withCall(concludeTool(span, ancestors), span, toolName(span))
      return {
        ...langchain.concludeStep(span, DIALECT, ancestors, span.name),
        enclosingRun: isNode(span, ancestors) ? graphAround(ancestors) : undefined,
      }
    case 'recall':
      return hasErrorStatus(span) ? { error: langChainErrorOf(span) } : {}
  }
}

function concludeRun(span: SpanLike, ancestors: Ancestors): Conclusion {
  const { ls_integration: integration, lc_agent_name: agentName } = metadataOf(span)
  // A call under another name than the agent's; what runs inside an agent carries that agent's name.
  const renamed = typeof agentName === 'string' && agentName !== '' && agentName !== ancestors.run?.agent.name
  const name = renamed ? agentName : isClassName(span.name) ? undefined : span.name
  const told = langchain.concludeRun(span, DIALECT, ancestors, name)
  const isGraph = typeof integration === 'string'
  const resumed = isGraph ? resumedFacts(span, DIALECT, timestampFromHrTime(span.startTime)) : []
  return { ...told, agent: name === undefined ? undefined : { name }, facts: [...resumed, ...(told.facts ?? [])] }
}

/**
 * A graph that goes on begins with another node than `__start__`, which may show at its end only. What a node runs has the
 * metadata of the node: a graph of the same name is at the same place in the state. Where the place is cut off, what is
 * directly inside a node of its own name is that graph.
 */
function isNode(span: SpanLike, { parent }: Ancestors): boolean {
  const { langgraph_node: node, langgraph_checkpoint_ns: place } = metadataOf(span)
  if (node !== span.name) return false
  if (!parent?.span) return true
  const around = metadataOf(parent.span)
  if (place === undefined) return parent.span.name !== node || around.langgraph_node !== node
  return around.langgraph_checkpoint_ns !== place
}

function metadataOf(span: SpanLike): Readonly<Record<string, unknown>> {
  return readRecord(span.attributes, 'metadata')
}

function concludeTool(span: SpanLike, ancestors: Ancestors): Conclusion {
  return langchain.concludeTool(span, DIALECT, ancestors, {
    name: toolName(span),
    caller: ancestors.run?.agent.name,
  })
}

function toolName(span: SpanLike): string {
  return text(span.attributes, 'tool.name') ?? span.name
}
