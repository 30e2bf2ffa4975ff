import type { SpanLike } from '../../span.js'
import type { RunDetails } from '../contract.js'
import { amount, count, text } from './attributes.js'

type Members = NonNullable<RunDetails['modelParameters']>

/** Returns what the attributes of OpenTelemetry tell of a run beside its agent and its model; `undefined` where there is nothing. */
export function runDetails(span: SpanLike): RunDetails | undefined {
  const agentVersion = text(span.attributes, 'gen_ai.agent.version')
  const serviceVersion = serviceVersionOf(span)
  const modelParameters = modelParametersIn(span)
  if (agentVersion === undefined && serviceVersion === undefined && !modelParameters) return undefined
  return {
    ...(agentVersion !== undefined && { agentVersion }),
    ...(serviceVersion !== undefined && { serviceVersion }),
    ...(modelParameters && { modelParameters }),
  }
}

/** Returns the version of the service that a span is of. */
function serviceVersionOf({ resource }: SpanLike): string | undefined {
  return resource && text(resource.attributes, 'service.version')
}

function modelParametersIn({ attributes }: SpanLike): Members | undefined {
  const parameters: { -readonly [Field in keyof Members]: Members[Field] } = {}
  const temperature = amount(attributes, 'gen_ai.request.temperature')
  const topP = amount(attributes, 'gen_ai.request.top_p')
  const topK = amount(attributes, 'gen_ai.request.top_k')
  const maxTokens = count(attributes, 'gen_ai.request.max_tokens')
  const seed = attributes['gen_ai.request.seed']
  if (temperature !== undefined) parameters.temperature = temperature
  if (topP !== undefined) parameters.topP = topP
  if (topK !== undefined) parameters.topK = topK
  if (maxTokens !== undefined) parameters.maxTokens = maxTokens
  if (typeof seed === 'number' && Number.isSafeInteger(seed)) parameters.seed = seed
  return Object.keys(parameters).length > 0 ? parameters : undefined
}
