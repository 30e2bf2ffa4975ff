import { timestampFromHrTime } from '../../../events/index.js'
import { type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Conclusion, Convention, Lineage, RunActivity, StepActivity } from '../contract.js'
import { openInferenceConvention, scopeOfSpan } from '../openinference/openinference.js'
import { readRecord, text } from '../shared/attributes.js'
import { type HandoffStep, handoffStep } from '../shared/handoff-tools.js'
import { quotaFacts } from '../shared/limits.js'
import { hasErrorStatus } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { langChainErrorOf } from './errors.js'
import * as langchain from './langchain.js'
import { responseIdIn } from './values.js'

/*
 * LangChain and LangGraph through OpenInference. Spans nest, and start with their name and kind; all else comes with
 * the end. So the outermost chain is a run from its start, and a graph inside another is one from the moment its first
 * node, `__start__`, begins; or where a node tells at its start that it is one. In Python, whatever has "agent" in its
 * name is of the kind `AGENT`, and says nothing by it.
 */

const DIALECT: langchain.Dialect = { input: 'input.value', output: 'output.value' }
const FIRST_NODE = '__start__'
const PYTHON_SCOPE = 'openinference.instrumentation.langchain'

/** LangChain and LangGraph through OpenInference's instrumentations for JavaScript and Python. */
export const langChainOpenInferenceConvention: Convention = {
  name: 'langchain-openinference',
  scopes: ['@arizeai/openinference-instrumentation-langchain*', `${PYTHON_SCOPE}*`],

  recognise(span, moment, lineage) {
    switch (kindOf(span)) {
      case 'CHAIN':
      case 'AGENT':
        return recogniseChain(span, lineage)
      case 'TOOL': {
        if (!langchain.isHandoffTool(toolName(span))) break
        const scope = scopeOfSpan(span.attributes)
        const step: Activity = { kind: 'step', scope }
        // What a tool returns tells whether it hands over, but in Python as a text for people.
        return isOfPython(span) ? (handoffStep(span, toolName(span), lineage, { scope }) ?? step) : step
      }
    }
    return openInferenceConvention.recognise(span, moment, lineage)
  },

  conclude(span, activity, lineage) {
    const told = ownConclusion(span, activity) ?? openInferenceConvention.conclude?.(span, activity, lineage) ?? {}
    const { usage } = told
    const responseId = usage && responseIdIn(span.attributes, DIALECT.output)
    return { ...told, usage: usage && { ...usage, responseId }, ...conclude(span, activity, lineage) }
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

function recogniseChain(span: SpanLike, lineage: Lineage): Activity {
  const { name, attributes } = span
  const scope = scopeOfSpan(attributes)
  if (!lineage.run && !langchain.isMerePart(name)) return { ...runNamed(name), scope }
  const around = name === FIRST_NODE || isNode(span, lineage) ? graphAround(lineage) : undefined
  const facts = name === FIRST_NODE ? undefined : langchain.handoffTo(name, lineage)
  return { kind: 'step', scope, around, facts } satisfies StepActivity
}

function runNamed(name: string): RunActivity {
  return { kind: 'run', agent: langchain.isClassName(name) ? {} : { name } }
}

/** Whoever has nodes is a graph. */
function graphAround({ parent }: Lineage): RunActivity | undefined {
  return parent?.activity.kind === 'step' && parent.span ? runNamed(parent.span.name) : undefined
}

function conclude(span: SpanLike, activity: Activity, lineage: Lineage): Conclusion {
  switch (activity.kind) {
    case 'run':
      return concludeRun(span, lineage)
    case 'tool':
      return concludeTool(span, lineage)
    case 'model': {
      const told = langchain.concludeModel(span, lineage, metadataOf(span).lc_source)
      return told.error ? { ...told, facts: quotaFacts(told.error) } : told
    }
    case 'step':
      if ('handoff' in activity) {
        return langchain.withPendingHandoff(concludeTool(span, lineage), span, activity as HandoffStep, lineage)
      }
      if (kindOf(span) === 'TOOL') return langchain.withCall(concludeTool(span, lineage), span, toolName(span))
      return {
        ...langchain.concludeStep(span, DIALECT, lineage, span.name),
        around: isNode(span, lineage) ? graphAround(lineage) : undefined,
      }
    case 'recall':
      return hasErrorStatus(span) ? { error: langChainErrorOf(span) } : {}
  }
}

function concludeRun(span: SpanLike, lineage: Lineage): Conclusion {
  const { ls_integration: integration, lc_agent_name: agentName } = metadataOf(span)
  // A call under another name than the agent's; what runs inside an agent carries that agent's name.
  const renamed = typeof agentName === 'string' && agentName !== '' && agentName !== lineage.run?.agent.name
  const name = renamed ? agentName : langchain.isClassName(span.name) ? undefined : span.name
  const told = langchain.concludeRun(span, DIALECT, lineage, name)
  const isGraph = typeof integration === 'string'
  const resumed = isGraph ? langchain.resumedFacts(span, DIALECT, timestampFromHrTime(span.startTime)) : []
  return { ...told, agent: name === undefined ? undefined : { name }, facts: [...resumed, ...(told.facts ?? [])] }
}

/**
 * A graph that goes on begins with another node than `__start__`, which may show at its end only. What a node runs has the
 * metadata of the node: a graph of the same name is at the same place in the state. Where the place is cut off, what is
 * directly inside a node of its own name is that graph.
 */
function isNode(span: SpanLike, { parent }: Lineage): boolean {
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

function concludeTool(span: SpanLike, lineage: Lineage): Conclusion {
  return langchain.concludeTool(span, DIALECT, lineage, toolName(span), lineage.run?.agent.name)
}

function toolName(span: SpanLike): string {
  return text(span.attributes, 'tool.name') ?? span.name
}
