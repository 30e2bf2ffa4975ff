import { z } from 'zod'

/*
 * A chat service on the AI SDK, as its documentation has it: the message history comes from the client with each request,
 * and the service keeps none of it.
 */

/**
 * The declarations of `ai` need other settings of the compiler.
 *
 * @param {string} name
 */
const untyped = (name) => import(name)
const { generateText, stepCountIs, streamText, tool } = await untyped('ai')
const { convertArrayToReadableStream, MockLanguageModelV3 } = await untyped('ai/test')

/** @typedef {{ toolCallId: string, toolName: string, input: object }} Call */

const settings = {
  tools: {
    wire_money: tool({
      description: 'Wires money',
      inputSchema: z.object({ amount: z.number() }),
      needsApproval: true,
      execute: async (/** @type {{ amount: number }} */ { amount }) => `wired ${amount}`,
    }),
    read_balance: tool({ description: 'Reads', inputSchema: z.object({}), execute: async () => 3 }),
  },
  stopWhen: stepCountIs(3),
  experimental_telemetry: { isEnabled: true, functionId: 'desk' },
}

const usage = {
  inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
}

/**
 * @param {object} content
 * @param {string} reason
 */
function answering(content, reason) {
  const finishReason = { unified: reason, raw: reason }
  return new MockLanguageModelV3({
    doGenerate: async () => ({ content: [content], finishReason, usage, warnings: [] }),
  })
}

/**
 * Answers a history.
 *
 * @param {readonly object[]} messages
 */
export async function answer(messages) {
  return generateText({ ...settings, model: answering({ type: 'text', text: 'Done.' }, 'stop'), messages })
}

/**
 * Answers a history with a call of a tool that needs approval.
 *
 * @param {readonly object[]} messages
 * @param {Call} call
 */
export async function askForApproval(messages, { toolCallId, toolName, input }) {
  const call = { type: 'tool-call', toolCallId, toolName, input: JSON.stringify(input) }
  return generateText({ ...settings, model: answering(call, 'tool-calls'), messages })
}

/**
 * Answers a history as a stream, and reads it to its end.
 *
 * @param {readonly object[]} messages
 */
export async function stream(messages) {
  const parts = [
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: 'Done.' },
    { type: 'text-end', id: 't' },
    { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
  ]
  const model = new MockLanguageModelV3({ doStream: async () => ({ stream: convertArrayToReadableStream(parts) }) })
  await streamText({ ...settings, model, messages }).consumeStream()
}
