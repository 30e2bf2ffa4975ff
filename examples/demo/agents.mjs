import { APICallError, generateText, stepCountIs, tool } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { recordContextCompacted, recordMemoryRecall, recordUsageLimitExceeded } from 'spanledger/record'
import { z } from 'zod'

/*
 * A small support desk on the Vercel AI SDK, with its mock model in place of a real one. Nothing here knows of an audit
 * log: the SDK's own telemetry tells of runs, tools and tokens. What no telemetry tells (memory, compaction, limits of
 * the application's own) is recorded by hand, through `@opentelemetry/api` alone.
 */

/** Answers a customer: looks the order up, lets a researcher find the policy, recalls what is known of the customer. */
export async function answerCustomer({ sessionId, userId, question }) {
  const { text } = await generateText({
    model: scripted([
      call('lookup_order', { orderId: 'A-17' }),
      call('research', { topic: 'late delivery' }),
      say('You get a refund.'),
    ]),
    system: 'You answer customers.',
    prompt: question,
    tools: { lookup_order: lookupOrder(userId), research: research({ sessionId, userId }) },
    stopWhen: stepCountIs(5),
    experimental_telemetry: telemetry('support-agent', { sessionId, userId }),
  })
  return text
}

/** A run that fails: the model is overloaded. */
export async function answerWhileModelIsDown({ sessionId, userId }) {
  await generateText({
    model: new MockLanguageModelV3({
      modelId: 'mock-large',
      doGenerate: async () => {
        throw new APICallError({
          message: 'Overloaded',
          url: 'mock:',
          requestBodyValues: {},
          statusCode: 529,
          isRetryable: false,
        })
      },
    }),
    prompt: 'And my other order?',
    experimental_telemetry: telemetry('support-agent', { sessionId, userId }),
  })
}

/** A long task: its history is compacted on the way, and a budget of the application's ends it. */
export async function summariseTickets({ sessionId, userId }) {
  const { text } = await generateText({
    model: scripted([call('read_tickets', { count: 400 }), say('Most tickets are about late delivery.')]),
    prompt: 'Summarise the tickets of this week.',
    tools: {
      read_tickets: tool({
        description: 'Reads tickets',
        inputSchema: z.object({ count: z.number() }),
        execute: async ({ count }) => {
          recordContextCompacted({ droppedTokens: 48_000, retainedTokens: 9_000, droppedMessages: count })
          recordUsageLimitExceeded({ axis: 'cost_usd', limit: 0.5, observed: 0.52 })
          return `${count} tickets, shortened`
        },
      }),
    },
    stopWhen: stepCountIs(3),
    experimental_telemetry: telemetry('summary-agent', { sessionId, userId }),
  })
  return text
}

function lookupOrder(userId) {
  return tool({
    description: 'Looks an order up',
    inputSchema: z.object({ orderId: z.string() }),
    execute: async ({ orderId }) => {
      recordMemoryRecall({ tier: 'long_term', namespaceKey: `customer:${userId}`, hits: 3 })
      return { orderId, status: 'late' }
    },
  })
}

/** A sub-agent: an agent that another one calls as a tool. */
function research({ sessionId, userId }) {
  return tool({
    description: 'Finds the policy on a topic',
    inputSchema: z.object({ topic: z.string() }),
    execute: async ({ topic }) => {
      const { text } = await generateText({
        model: scripted([call('search_policies', { topic }), say('Late by five days: full refund.')]),
        prompt: topic,
        tools: {
          search_policies: tool({
            description: 'Searches policies',
            inputSchema: z.object({ topic: z.string() }),
            execute: async () => ['policy-12'],
          }),
        },
        stopWhen: stepCountIs(3),
        experimental_telemetry: telemetry('policy-researcher', { sessionId, userId }),
      })
      return text
    },
  })
}

function telemetry(functionId, metadata) {
  return { isEnabled: true, functionId, metadata, recordInputs: false, recordOutputs: false }
}

/** A model that gives these answers, one a step. */
function scripted(answers) {
  let step = 0
  return new MockLanguageModelV3({ modelId: 'mock-large', doGenerate: async () => answers[step++] })
}

function call(toolName, input) {
  const toolCallId = `call-${toolName}`
  return answer({ type: 'tool-call', toolCallId, toolName, input: JSON.stringify(input) }, 'tool-calls', 210, 24)
}

function say(text) {
  return answer({ type: 'text', text }, 'stop', 340, 31)
}

function answer(content, finishReason, inputTokens, outputTokens) {
  return {
    content: [content],
    finishReason: { unified: finishReason, raw: finishReason },
    usage: {
      inputTokens: { total: inputTokens, noCache: inputTokens, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: outputTokens, text: outputTokens, reasoning: 0 },
    },
    warnings: [],
  }
}
