import type { AgentRef } from '../../../events/index.js'
import { type SpanLike, scopeOf } from '../../span.js'
import { text } from '../shared/attributes.js'

/*
 * Words of the frameworks that OpenInference's Python instrumentations wrap. These name a span after the method that was
 * called (`Researcher.kickoff`), and give the kind `CHAIN` to crews, teams and pipelines.
 */

const PYTHON_SCOPES = 'openinference.instrumentation.'

interface Framework {
  /** Names of `CHAIN` spans that are runs of a workflow: crews, teams, flows. */
  readonly workflow?: RegExp | undefined
  /** Its outermost `CHAIN` is a run, as LangChain's is: only the framework's entry points are instrumented. */
  readonly outermost?: boolean | undefined
  /** Sets the status OK before the call, after which OpenTelemetry for Python takes no ERROR. */
  readonly okFirst?: boolean | undefined
  /** Leaves the span of a run open that throws. */
  readonly mayLeak?: boolean | undefined
  /** Its tools are functions of its own around calls of a model. */
  readonly noTools?: boolean | undefined
  /** Tells of an agent by one method only: one inside another of the same class is a worker of its own. */
  readonly oneMethod?: boolean | undefined
  /** An agent calls others by tools only: what is directly inside one are its own methods, and those of its workers. */
  readonly agentsByTools?: boolean | undefined
}

const NONE: Framework = Object.freeze({})

/** By what follows the prefix in the name of the instrumentation scope. */
const FRAMEWORKS: ReadonlyMap<string, Framework> = new Map<string, Framework>([
  ['crewai', { workflow: /\.kickoff(?:_\w+)?$/ }],
  ['autogen_agentchat', { workflow: /\.run(?:_stream)?$/, okFirst: true }],
  ['agno', { workflow: /\.a?run$/ }],
  ['llama_index', { outermost: true, agentsByTools: true }],
  ['haystack', { outermost: true }],
  ['dspy', { outermost: true }],
  ['instructor', { noTools: true }],
  ['smolagents', { okFirst: true, mayLeak: true, oneMethod: true }],
])

/** Returns what is known of the framework that a span is of. */
export function frameworkOf(span: SpanLike): Framework {
  const { name } = scopeOf(span)
  if (!name.startsWith(PYTHON_SCOPES)) return NONE
  const end = name.indexOf('.', PYTHON_SCOPES.length)
  return FRAMEWORKS.get(name.slice(PYTHON_SCOPES.length, end < 0 ? undefined : end)) ?? NONE
}

/** Tells whether a `CHAIN` is the run of a workflow. */
export function isWorkflow(span: SpanLike, isInRun: boolean): boolean {
  const { workflow, outermost } = frameworkOf(span)
  return workflow?.test(span.name) === true || (outermost === true && !isInRun)
}

/** An id of a node instead of its name: agno makes one up for each run. */
const NODE_ID = /^(?:[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27})$/i
/** `agent_run [x]` is what Google's ADK names the run of an agent. */
const NAME_IN_BRACKETS = /^agent_run \[(.+)\]$/s

/** The agent of a span: its name by any of the attributes that hold it, else the span's, less the method. */
export function agentOf(span: SpanLike): AgentRef {
  const { attributes, name } = span
  const node = text(attributes, 'graph.node.id')
  const named =
    text(attributes, 'agent.name', 'graph.node.name') ??
    (node !== undefined && !NODE_ID.test(node) ? node : undefined) ??
    text(attributes, 'gen_ai.agent.name') ??
    NAME_IN_BRACKETS.exec(name)?.[1]
  return { name: named ?? withoutMethod(span) }
}

const CALL_OF_TOOL = /(?<=.)\.(?:_?a?run|__call__|a?call|a?invoke|execute)$/s

/** The name of a tool; without an attribute that says so, the span's, less the method in Python. */
export function toolOf(span: SpanLike): { readonly name: string } {
  const named = text(span.attributes, 'tool.name')
  if (named !== undefined) return { name: named }
  return { name: isOfPython(span) ? span.name.replace(CALL_OF_TOOL, '') : span.name }
}

function isOfPython(span: SpanLike): boolean {
  return scopeOf(span).name.startsWith(PYTHON_SCOPES)
}

function withoutMethod(span: SpanLike): string {
  return isOfPython(span) ? span.name.replace(/(?<=.)\.\w+$/s, '') : span.name
}
