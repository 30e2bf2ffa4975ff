import type { Attributes } from '@opentelemetry/api'
import { text } from '../shared/attributes.js'
import { operationIn } from '../shared/operation.js'

/** Names of the operation in instrumentations that call it after a client's method: Semantic Kernel, LiteLLM. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['chat.completions', 'chat'],
  ['completion', 'chat'],
  ['acompletion', 'chat'],
  ['text.completions', 'text_completion'],
  ['atext_completion', 'text_completion'],
  ['embedding', 'embeddings'],
  ['aembedding', 'embeddings'],
  ['arerank', 'rerank'],
])

/** Recognises spans of Alibaba's instrumentations, Dify's and Future AGI's, which need not name an operation. */
const SPAN_KIND = 'gen_ai.span.kind'
const OPERATIONS_OF_KINDS: ReadonlyMap<string, string> = new Map([
  ['agent', 'invoke_agent'],
  ['workflow', 'invoke_workflow'],
  ['tool', 'execute_tool'],
  ['llm', 'chat'],
  ['embedding', 'embeddings'],
  ['reranker', 'rerank'],
  ['retriever', 'retrieval'],
])

/** Returns the operation of a span as the conventions call it. */
export function operationOf(attributes: Attributes): string | undefined {
  const told = operationIn(attributes)
  if (told !== undefined) return ALIASES.get(told) ?? told
  const kind = text(attributes, SPAN_KIND)
  return kind === undefined ? undefined : OPERATIONS_OF_KINDS.get(kind.toLowerCase())
}

/** Tells whether a span says what it is by its kind alone: its name is then that of the agent, with nothing before it. */
export function isKnownByKind(attributes: Attributes): boolean {
  return attributes['gen_ai.operation.name'] === undefined && text(attributes, SPAN_KIND) !== undefined
}
