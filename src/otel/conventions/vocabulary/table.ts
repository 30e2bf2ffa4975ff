import { frameworkVocabularies } from './frameworks.js'
import { laminarVocabularies } from './laminar.js'
import type { Vocabulary, VocabularyAttributes } from './vocabulary.js'

const LANGWATCH: VocabularyAttributes = {
  session: ['langwatch.thread.id', 'langwatch.session.id'],
  user: 'langwatch.user.id',
  tenant: 'langwatch.customer.id',
  inputTokens: [
    'langwatch.metrics#value.promptTokens',
    'langwatch.metrics#value.prompt_tokens',
    'langwatch.metrics#promptTokens',
  ],
  outputTokens: [
    'langwatch.metrics#value.completionTokens',
    'langwatch.metrics#value.completion_tokens',
    'langwatch.metrics#completionTokens',
  ],
  costUsd: ['langwatch.metrics#value.cost', 'langwatch.metrics#cost'],
  records: [
    'langwatch.contexts#value',
    'langwatch.rag.contexts#value',
    'langwatch.rag_contexts#value',
    'langwatch.rag.contexts',
    'langwatch.rag_contexts',
  ],
  guardrailPassed: 'langwatch.output#value.passed',
}

/*
 * Dialects that are told by their words alone, one row each. What more a framework needs is a convention of its own. The
 * names were read from the sources of the instrumentations in November 2026; docs/conventions.md says what is told of each.
 */
export const builtInVocabularies: readonly Vocabulary[] = Object.freeze([
  {
    // LangWatch's callbacks of LangChain: chains and agents say nothing of what is a run; a tool's name is followed by its input.
    name: 'langwatch',
    instrumentationScopes: ['langwatch.instrumentation.langchain'],
    kindAttributes: 'langwatch.span.type',
    kinds: {
      agent: 'outermost',
      chain: 'outermost',
      component: 'outermost',
      tool: 'tool',
      llm: 'model',
      rag: 'retrieval',
    },
    spanNames: { 'Tool: *': 'tool' },
    nameUntil: ' — ',
    attributes: LANGWATCH,
    pauses: ['GraphInterrupt'],
    limits: { GraphRecursionError: 'turns', 'Recursion limit': 'turns' },
  },
  {
    // LangWatch SDK: `span.setType(…)` of its tracer, and the Python SDK's decorators.
    name: 'langwatch',
    kindAttributes: 'langwatch.span.type',
    kinds: {
      agent: 'agent',
      workflow: 'workflow',
      tool: 'tool',
      llm: 'model',
      rag: 'retrieval',
      guardrail: 'guardrail',
    },
    attributes: LANGWATCH,
  },
  ...laminarVocabularies,
  {
    // Effect 3: a toolkit has words of its own, a call of a model those of the GenAI conventions.
    name: 'effect-ai',
    spanNames: { 'Toolkit.handle': 'tool' },
    spanNamesWith: 'tool',
    attributes: { toolName: 'tool' },
    outcomes: { 'status.interrupted': { true: 'cancelled' } },
  },
  {
    // Ax: programs and flows are named by their label; the counts of a call of a model stand in an event.
    name: 'ax',
    spanNames: { AxGen: 'agent', 'AxGen > *': 'agent', AxFlow: 'workflow', 'AxFlow > *': 'workflow' },
    spanNamesWith: ['signature', 'signature_name', 'input_field_count', 'total_steps'],
    attributes: { model: 'model' },
    cancellations: ['AxAIServiceAbortedError'],
    limits: { 'Max steps reached': 'turns' },
    // A flow ends its span alike, whether it throws or not; it throws what a program in it throws.
    endsAsLastRun: true,
  },
  {
    name: 'ax',
    spanNames: { 'AI Chat Request': 'model', 'AI Embed Request': 'embeddings' },
    spanNamesWith: ['gen_ai.system', 'gen_ai.operation.name'],
    attributes: { session: ['ax.session.id', 'gen_ai.conversation.id'] },
    usageEvents: ['gen_ai.usage'],
    cancellations: ['AxAIServiceAbortedError'],
  },
  {
    name: 'ax',
    spanNames: { 'Tool: *': 'tool' },
    spanNamesWith: ['tool.mode', 'function.id'],
    attributes: { toolName: 'tool.name', toolCallId: 'function.id', session: ['session.id', 'ax.session.id'] },
    // A tool that throws records it, and sets no status.
    exceptionsFail: true,
  },
  {
    // TanStack AI: one span for `chat()`, without an operation, and one inside for each call of the model.
    name: 'tanstack-ai',
    markers: { 'tanstack.ai.iteration': 'model' },
    unmarkedRuns: true,
    namelessRuns: true,
    outcomes: { 'tanstack.ai.completion.reason': { cancelled: 'cancelled' } },
  },
  {
    // OpenLIT for @openai/agents: tasks, turns, hand-offs, guardrails and custom spans all say `invoke_agent`.
    name: 'openlit',
    instrumentationScopes: ['@openlit/instrumentation-openai-agents', 'openlit.instrumentation.openai_agents*'],
    spanNames: {
      'invoke_workflow *': 'workflow',
      'invoke_agent *': 'agent',
      invoke_agent: 'agent',
      'execute_tool mcp_list_tools': 'step',
      'execute_tool *': 'tool',
      'create_agent *': 'step',
    },
    flatAgents: true,
    attributes: {
      handoffFrom: 'gen_ai.agent.source',
      handoffTo: 'gen_ai.agent.name',
      guardrail: 'gen_ai.agent.name',
      guardrailTriggered: 'gen_ai.guardrail.triggered',
    },
    limits: { MaxTurnsExceededError: 'turns', 'Max turns': 'turns' },
    // The SDK never says that a trace is over which fails.
    mayLeak: true,
  },
  {
    // OpenLIT for LangGraph: a node is no agent, although it says so.
    name: 'openlit',
    instrumentationScopes: ['@openlit/instrumentation-langgraph', 'openlit.instrumentation.langgraph*'],
    spanNames: { 'invoke_workflow *': 'workflow', 'invoke_agent *': 'step', 'create_agent *': 'step' },
    limits: { GraphRecursionError: 'turns', 'Recursion limit': 'turns' },
    pauses: ['GraphInterrupt'],
  },
  {
    // OpenLIT for LangChain: LangGraph's prebuilt agents have a node of this name. All else is `gen-ai`.
    name: 'openlit',
    instrumentationScopes: ['@openlit/instrumentation-langchain', 'openlit.instrumentation.langchain*'],
    spanNames: { 'invoke_agent agent': 'outermost' },
  },
  {
    // OpenLIT for Mem0.
    name: 'openlit',
    instrumentationScopes: ['@openlit/instrumentation-mem0', 'openlit.instrumentation.mem0*'],
    spanNames: {
      'memory search': 'recall',
      'memory get': 'recall',
      'memory get_all': 'recall',
      'memory add': 'memory_write',
      'memory update': 'memory_write',
      'memory delete': 'memory_delete',
      'memory delete_all': 'memory_delete',
      'memory *': 'step',
    },
    attributes: { records: 'gen_ai.memory.operation.result_count' },
  },
  {
    // OpenLIT for vector stores.
    name: 'openlit',
    instrumentationScopes: ['chroma', 'pinecone', 'qdrant', 'milvus'].flatMap((store) => [
      `@openlit/instrumentation-${store}`,
      `openlit.instrumentation.${store}*`,
    ]),
    markers: { 'db.vector.query.top_k': 'retrieval' },
    attributes: { records: ['db.n_results', 'db.response.returned_rows'], store: 'db.collection.name' },
  },
  {
    // OpenLIT for MCP.
    name: 'openlit',
    instrumentationScopes: ['@openlit/instrumentation-mcp', 'openlit.instrumentation.mcp*'],
    kindAttributes: 'mcp.operation.name',
    kinds: { tools_call: 'tool' },
    attributes: { toolName: 'mcp.tool.name' },
  },
  {
    // OpenLIT's own guards say what they did as an event on the active span.
    name: 'openlit',
    events: { 'guard.evaluation': 'guardrail' },
    attributes: { guardrail: 'guard.name', guardrailAction: 'guard.action' },
  },
  ...frameworkVocabularies,
  {
    // Sentry beside LangChain: a chain that no graph is around.
    name: 'sentry',
    markers: { 'langchain.chain.name': 'outermost' },
    attributes: { agentName: 'langchain.chain.name' },
  },
] satisfies readonly Vocabulary[])
