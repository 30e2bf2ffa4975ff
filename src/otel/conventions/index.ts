import { aiSdkConvention, aiSdkOtelConvention } from './ai-sdk.js'
import { claudeAgentSdkConvention } from './claude-agent-sdk.js'
import type { Convention } from './contract.js'
import { genAiConvention } from './gen-ai.js'
import { genkitConvention } from './genkit.js'
import { googleAdkConvention } from './google-adk.js'
import { langChainOpenInferenceConvention } from './langchain-openinference.js'
import { langfuseConvention } from './langfuse.js'
import { langSmithConvention } from './langsmith.js'
import { mastraConvention } from './mastra.js'
import { openAiAgentsConvention } from './openai-agents.js'
import { openInferenceConvention } from './openinference.js'
import { spanledgerConvention } from './spanledger.js'
import { strandsConvention } from './strands.js'
import { traceloopConvention } from './traceloop.js'
import { traceloopMcpConvention } from './traceloop-mcp.js'
import { voltAgentConvention } from './voltagent.js'

/** The conventions asked about a span, in this order: one framework's names before the general ones. */
export const builtInConventions: readonly Convention[] = Object.freeze([
  spanledgerConvention,
  aiSdkConvention,
  aiSdkOtelConvention,
  openAiAgentsConvention,
  claudeAgentSdkConvention,
  langfuseConvention,
  langSmithConvention,
  mastraConvention,
  googleAdkConvention,
  strandsConvention,
  voltAgentConvention,
  genkitConvention,
  langChainOpenInferenceConvention,
  openInferenceConvention,
  traceloopMcpConvention,
  traceloopConvention,
  genAiConvention,
])
