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
    scopes: ['langwatch.instrumentation.langchain'],
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
  {
    // Laminar: `observe` and `startSpan` make spans without a type, or of the type DEFAULT, of whatever they wrap.
    name: 'laminar',
    scopes: ['lmnr.tracer'],
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
      handoffFrom: 'openai.agents.handoff.from',
      handoffTo: 'openai.agents.handoff.to',
      guardrail: 'openai.agents.guardrail.name',
      guardrailTriggered: 'openai.agents.guardrail.triggered',
    },
    // `observe` records what a function throws, and sets no status.
    exceptionsFail: true,
    limits: { 'Max turns': 'turns' },
  },
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
    scopes: ['@openlit/instrumentation-openai-agents', 'openlit.instrumentation.openai_agents*'],
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
  },
  {
    // OpenLIT for LangGraph: a node is no agent, although it says so.
    name: 'openlit',
    scopes: ['@openlit/instrumentation-langgraph', 'openlit.instrumentation.langgraph*'],
    spanNames: { 'invoke_workflow *': 'workflow', 'invoke_agent *': 'step', 'create_agent *': 'step' },
    limits: { GraphRecursionError: 'turns', 'Recursion limit': 'turns' },
    pauses: ['GraphInterrupt'],
  },
  {
    // OpenLIT for LangChain: LangGraph's prebuilt agents have a node of this name. All else is `gen-ai`.
    name: 'openlit',
    scopes: ['@openlit/instrumentation-langchain', 'openlit.instrumentation.langchain*'],
    spanNames: { 'invoke_agent agent': 'outermost' },
  },
  {
    // OpenLIT for Mem0.
    name: 'openlit',
    scopes: ['@openlit/instrumentation-mem0', 'openlit.instrumentation.mem0*'],
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
    // OpenLIT for MCP.
    name: 'openlit',
    scopes: ['@openlit/instrumentation-mcp', 'openlit.instrumentation.mcp*'],
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
  {
    // MLflow Tracing: every value is JSON text in Python, plain text in JavaScript. Functions that are traced without a type are UNKNOWN.
    name: 'mlflow',
    kindAttributes: 'mlflow.spanType',
    kinds: {
      agent: 'agent',
      workflow: 'workflow',
      chain: 'outermost',
      unknown: 'outermost',
      tool: 'tool',
      llm: 'model',
      chat_model: 'model',
      embedding: 'embeddings',
      reranker: 'rerank',
      retriever: 'retrieval',
      guardrail: 'guardrail',
    },
    attributes: {
      model: ['mlflow.llm.model#', 'mlflow.chat.model#'],
      provider: 'mlflow.llm.provider#',
      session: ['mlflow.trace.session#', 'session.id#'],
      user: ['mlflow.trace.user#', 'user.id#'],
      inputTokens: 'mlflow.chat.tokenUsage#input_tokens',
      outputTokens: 'mlflow.chat.tokenUsage#output_tokens',
      totalTokens: 'mlflow.chat.tokenUsage#total_tokens',
      cachedInputTokens: 'mlflow.chat.tokenUsage#cache_read_input_tokens',
      cacheCreationInputTokens: 'mlflow.chat.tokenUsage#cache_creation_input_tokens',
      costUsd: 'mlflow.llm.cost#total_cost',
      records: 'mlflow.spanOutputs#',
    },
    limits: { GraphRecursionError: 'turns', MaxTurnsExceeded: 'turns' },
    pauses: ['GraphInterrupt'],
  },
  {
    // AgentOps: decorators name a span after the function and the kind; a session is the trace, not a conversation.
    name: 'agentops',
    kindAttributes: 'agentops.span.kind',
    kinds: {
      agent: 'agent',
      workflow: 'workflow',
      team: 'workflow',
      tool: 'tool',
      llm: 'model',
      'llm.call': 'model',
      guardrail: 'guardrail',
    },
    attributes: {
      agentName: ['agent.name', 'gen_ai.agent.name', 'operation.name', 'agentops.operation.name'],
      agentId: 'agent.id',
      toolName: ['tool.name', 'gen_ai.tool.name', 'operation.name', 'agentops.operation.name'],
      toolCallId: ['tool.call.id', 'gen_ai.tool.call.id'],
    },
    limits: { MaxTurnsExceeded: 'turns' },
  },
  {
    // Spring AI: a chat client with its advisors and tools is an agent without a name.
    name: 'spring-ai',
    scopes: ['org.springframework.*'],
    markers: { 'db.vector.query.top_k': 'retrieval' },
    attributes: { records: 'db.vector.query.response.documents', store: 'db.collection.name' },
  },
  {
    name: 'spring-ai',
    kindAttributes: 'spring.ai.kind',
    kinds: { chat_client: 'agent', tool_call: 'tool' },
    attributes: { session: 'spring.ai.chat.client.conversation.id', toolName: 'spring.ai.tool.definition.name' },
    namelessRuns: true,
  },
  {
    // LangChain4j in Quarkus: a method of an AI service is an agent. What it throws is recorded without a status.
    name: 'langchain4j',
    spanNames: { 'langchain4j.aiservices.*': 'agent', 'langchain4j.tools.*': 'tool' },
    exceptionsFail: true,
  },
  {
    // Haystack: the names of components and the counts of tokens stand in content alone.
    name: 'haystack',
    spanNames: {
      'haystack.pipeline.run': 'outermost',
      'haystack.async_pipeline.run': 'outermost',
      'haystack.agent.run': 'agent',
      'haystack.component.run': 'step',
    },
    markers: { 'haystack.tool.name': 'tool' },
    attributes: { toolName: 'haystack.tool.name' },
  },
  {
    // Azure AI Agents: a run of an agent on a thread of the service.
    name: 'azure-ai-agents',
    spanNames: { process_thread_run: 'agent', 'process_thread_run *': 'agent' },
    spanNamesWith: ['gen_ai.thread.id', 'gen_ai.agent.id', 'gen_ai.operation.name'],
    attributes: { session: 'gen_ai.thread.id' },
    outcomes: {
      'gen_ai.thread.run.status': {
        failed: 'failed',
        expired: 'failed',
        cancelled: 'cancelled',
        requires_action: 'suspended',
      },
    },
  },
  {
    // Sentry beside LangChain: a chain that no graph is around.
    name: 'sentry',
    markers: { 'langchain.chain.name': 'outermost' },
    attributes: { agentName: 'langchain.chain.name' },
  },
] satisfies readonly Vocabulary[])
