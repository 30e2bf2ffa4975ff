import type { Vocabulary, VocabularyAttributes } from './vocabulary.js'

const LAMINAR: VocabularyAttributes = {
  agentName: ['ai.functionId', 'operation.name'],
  toolName: 'ai.toolCall.name',
  toolCallId: 'ai.toolCall.id',
  session: 'lmnr.association.properties.session_id',
  user: 'lmnr.association.properties.user_id',
  tenant: [
    'lmnr.association.properties.metadata.tenant_id',
    'lmnr.association.properties.metadata.tenantId',
    'lmnr.association.properties.metadata.tenant',
  ],
}

/** Laminar, and what it tells of the frameworks that it instruments. */
export const laminarVocabularies: readonly Vocabulary[] = [
  {
    // Laminar for the AI SDK 7: the type of an operation is DEFAULT, in whatever it is.
    name: 'laminar',
    instrumentationScopes: ['lmnr.tracer'],
    kindAttributes: 'ai.operation',
    kinds: {
      'ai.generatetext': 'agent',
      'ai.streamtext': 'agent',
      'ai.generateobject': 'agent',
      'ai.streamobject': 'agent',
      'ai.embed': 'embeddings',
      'ai.embedmany': 'embeddings',
      'ai.rerank': 'rerank',
    },
    attributes: LAMINAR,
    namelessRuns: true,
  },
  {
    // Laminar for Mastra: the spans have Mastra's names, which quote those of agents and tools, and Mastra's types.
    name: 'laminar',
    instrumentationScopes: ['@lmnr-ai/lmnr'],
    spanNames: { "agent run: '*": 'agent', "workflow run: '*": 'workflow', "tool: '*": 'tool', "mcp_tool: '*": 'tool' },
    nameUntil: "'",
    kindAttributes: 'lmnr.internal.mastra.span_type',
    kinds: {
      agent_run: 'agent',
      workflow_run: 'workflow',
      tool_call: 'tool',
      mcp_tool_call: 'tool',
      model_step: 'model',
    },
    attributes: LAMINAR,
  },
  {
    // Laminar: `observe` and `startSpan` make spans without a type, or of the type DEFAULT, of whatever they wrap.
    name: 'laminar',
    instrumentationScopes: ['lmnr.tracer'],
    kindAttributes: 'lmnr.span.type',
    kinds: {
      default: 'outermost',
      llm: 'model',
      cached: 'model',
      tool: 'tool',
      evaluation: 'step',
      evaluator: 'step',
      executor: 'step',
      human_evaluator: 'step',
    },
    spanNames: {
      'agents.handoff': 'handoff',
      'agents.guardrail': 'guardrail',
      'agents.mcp_tools': 'step',
      'agents.mcp_list_tools': 'step',
    },
    otherwise: 'outermost',
    attributes: {
      ...LAMINAR,
      handoffFrom: 'openai.agents.handoff.from',
      handoffTo: 'openai.agents.handoff.to',
      guardrail: 'openai.agents.guardrail.name',
      guardrailTriggered: 'openai.agents.guardrail.triggered',
    },
    // `observe` records what a function throws, and sets no status.
    exceptionsFail: true,
    limits: { 'Max turns': 'turns' },
  },
]
