import { agentFrameworkConvention } from './agent-framework/agent-framework.js'
import { aiSdkConvention, aiSdkOtelConvention } from './ai-sdk/ai-sdk.js'
import { beeAiConvention } from './beeai/beeai.js'
import { claudeAgentSdkConvention } from './claude-agent-sdk/claude-agent-sdk.js'
import { claudeCodeConvention } from './claude-code/claude-code.js'
import { codexConvention } from './codex/codex.js'
import type { Convention } from './contract.js'
import { copilotConvention } from './copilot/copilot.js'
import { geminiCliConvention } from './gemini-cli/gemini-cli.js'
import { genAiConvention } from './gen-ai/gen-ai.js'
import { genkitConvention } from './genkit/genkit.js'
import { googleAdkConvention } from './google-adk/google-adk.js'
import { langChainOpenInferenceConvention } from './langchain/openinference.js'
import { langfuseConvention } from './langfuse/langfuse.js'
import { langSmithConvention } from './langsmith/langsmith.js'
import { mastraConvention } from './mastra/mastra.js'
import { openAiAgentsConvention } from './openai-agents/openai-agents.js'
import { openInferenceConvention } from './openinference/openinference.js'
import { pydanticAiConvention } from './pydantic-ai/pydantic-ai.js'
import { qwenCodeConvention } from './qwen-code/qwen-code.js'
import { spanledgerConvention } from './spanledger/spanledger.js'
import { strandsConvention } from './strands/strands.js'
import { traceloopMcpConvention } from './traceloop/mcp.js'
import { traceloopPythonConvention } from './traceloop/python.js'
import { traceloopConvention } from './traceloop/traceloop.js'
import { vocabularyConventions } from './vocabulary/index.js'
import { voltAgentConvention } from './voltagent/voltagent.js'

/** The conventions asked about a span, in this order: one framework's names before the general ones. */
export const builtInConventions: readonly Convention[] = Object.freeze([
  spanledgerConvention,
  aiSdkConvention,
  aiSdkOtelConvention,
  openAiAgentsConvention,
  claudeAgentSdkConvention,
  claudeCodeConvention,
  codexConvention,
  geminiCliConvention,
  qwenCodeConvention,
  copilotConvention,
  langfuseConvention,
  langSmithConvention,
  mastraConvention,
  googleAdkConvention,
  strandsConvention,
  pydanticAiConvention,
  agentFrameworkConvention,
  voltAgentConvention,
  genkitConvention,
  ...vocabularyConventions,
  langChainOpenInferenceConvention,
  beeAiConvention,
  openInferenceConvention,
  traceloopMcpConvention,
  traceloopPythonConvention,
  traceloopConvention,
  genAiConvention,
])
