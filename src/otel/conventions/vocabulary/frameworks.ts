import type { Vocabulary } from './vocabulary.js'

/** Frameworks of other languages, and platforms, that are told by their words alone. */
export const frameworkVocabularies: readonly Vocabulary[] = [
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
    instrumentationScopes: ['org.springframework.*'],
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
      'haystack.agent.step.tool': 'tool',
      'haystack.component.run': 'step',
    },
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
]
