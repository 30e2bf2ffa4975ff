import type { Attributes } from '@opentelemetry/api'
import { text } from './attributes.js'

const PRESCRIBED = /^[a-z_]+$/

/**
 * Returns what a span says it does in `gen_ai.operation.name`, as the conventions write it (`invoke_agent`), where an
 * instrumentation writes `InvokeAgent`, `invokeAgent`, `invoke-agent` or `INVOKE_AGENT`.
 */
export function operationIn(attributes: Attributes): string | undefined {
  const told = text(attributes, 'gen_ai.operation.name')
  if (told === undefined || PRESCRIBED.test(told)) return told
  return told
    .slice(0, 64)
    .trim()
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[\s-]+/g, '_')
    .toLowerCase()
}
