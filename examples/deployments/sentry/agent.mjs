import { generateText, stepCountIs, tool } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { z } from 'zod'

const usage = { inputTokens: { total: 120, noCache: 120 }, outputTokens: { total: 18, text: 18 } }
const callTool = {
  content: [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'refund', input: '{"amountUsd":12}' }],
  finishReason: { unified: 'tool-calls' },
}
const answer = { content: [{ type: 'text', text: 'Refunded.' }], finishReason: { unified: 'stop' } }

/** Stands in for a model: it calls the tool, and then answers. For the order that cannot be paid back it is overloaded. */
function scriptedModel(orderId) {
  const answers = orderId === 'order-overloaded' ? [] : [callTool, answer]
  const doGenerate = async () => {
    const next = answers.shift()
    if (!next) throw new Error('Overloaded')
    return { ...next, usage, warnings: [] }
  }
  return new MockLanguageModelV3({ doGenerate })
}

export async function refund(orderId) {
  const { text } = await generateText({
    model: scriptedModel(orderId),
    prompt: `Refund ${orderId}.`,
    stopWhen: stepCountIs(3),
    tools: { refund: tool({ inputSchema: z.object({ amountUsd: z.number() }), execute: async () => 'refunded' }) },
    experimental_telemetry: { isEnabled: true, functionId: 'refund-agent' },
  })
  return text
}
