import { timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Activity, Conclusion, Convention, Lineage, RunActivity, StepActivity } from '../contract.js'
import { openInferenceConvention, scopeOfSpan } from '../openinference/openinference.js'
import { readRecord, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { hasErrorStatus } from '../shared/outcome.js'
import { langChainErrorOf } from './errors.js'
import * as langchain from './langchain.js'
import { responseIdIn } from './values.js'

/*
 * LangChain and LangGraph through OpenInference. Spans nest, and start with their name and kind; all else comes with
 * the end. So the outermost chain is a run from its start, and a graph inside another is one from the moment its first
 * node, `__start__`, begins.
 */

const DIALECT: langchain.Dialect = { input: 'input.value', output: 'output.value' }
const FIRST_NODE = '__start__'

/** LangChain and LangGraph through `@arizeai/openinference-instrumentation-langchain`. */
export const langChainOpenInferenceConvention: Convention = {
  name: 'langchain-openinference',
  scopes: ['@arizeai/openinference-instrumentation-langchain*'],

  recognise(span, moment, lineage) {
    switch (kindOf(span)) {
      case 'CHAIN':
      case 'AGENT':
        return recogniseChain(span, lineage)
      case 'TOOL': {
        if (!langchain.isHandoffTool(span.name)) break
        return { kind: 'step', scope: scopeOfSpan(span.attributes) }
      }
    }
    return openInferenceConvention.recognise(span, moment, lineage)
  },

  conclude(span, activity, lineage) {
    const told = openInferenceConvention.conclude?.(span, activity, lineage) ?? {}
    const { usage } = told
    const responseId = usage && responseIdIn(span.attributes, DIALECT.output)
    return { ...told, usage: usage && { ...usage, responseId }, ...conclude(span, activity, lineage) }
  },
}

function kindOf(span: SpanLike): string | undefined {
  return text(span.attributes, 'openinference.span.kind')
}

function recogniseChain(span: SpanLike, lineage: Lineage): Activity {
  const { name, attributes } = span
  const scope = scopeOfSpan(attributes)
  if (!lineage.run && !langchain.isMerePart(name)) return { ...runNamed(name), scope }
  const around = name === FIRST_NODE ? graphAround(lineage) : undefined
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
      if (kindOf(span) === 'TOOL') return langchain.withCall(concludeTool(span, lineage), span, toolName(span))
      return {
        ...langchain.concludeStep(span, DIALECT, lineage, span.name),
        around: isNode(span) ? graphAround(lineage) : undefined,
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

/** A graph that goes on begins with another node than `__start__`; only its end tells that it was a node. */
function isNode(span: SpanLike): boolean {
  return metadataOf(span).langgraph_node === span.name
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
