import { mockChatServer } from './mock-server.mjs'

const TOOLS = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }]

/**
 * Asks a chat model as often as there are answers, whatever it answers.
 *
 * @param {any} OpenAI - the class of the client
 * @param {readonly (object | number)[]} answers - see `mockChatServer`
 */
export async function askChat(OpenAI, answers) {
  const server = await mockChatServer(answers)
  const client = new OpenAI({ apiKey: 'none', baseURL: server.url, maxRetries: 0 })
  for (const _ of answers) {
    const request = { model: 'mock-large', messages: [{ role: 'user', content: 'Where is it?' }], tools: TOOLS }
    await client.chat.completions.create(request).catch(() => undefined)
  }
  server.close()
}
