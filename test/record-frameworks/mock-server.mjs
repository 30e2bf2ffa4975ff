import { createServer } from 'node:http'

/**
 * A server on the loopback interface that speaks OpenAI's chat completions: it gives the scripted answers, one a request.
 *
 * @param {readonly (object | number)[]} answers - messages of an assistant; a number: that HTTP status
 * @returns {Promise<{ url: string, close: () => void }>}
 */
export async function mockChatServer(answers) {
  const error = { error: { message: 'The model is overloaded', type: 'server_error', code: null } }
  const { origin, close } = await mockServer(answers, completion, error)
  return { url: `${origin}/v1`, close }
}

/**
 * A server that gives the scripted answers in the form that `respond` brings them into.
 *
 * @param {readonly (object | number)[]} answers - a number: that HTTP status, with the error
 * @param {(answer: object, count: number) => object} respond
 * @param {object} error
 * @returns {Promise<{ origin: string, close: () => void }>}
 */
export async function mockServer(answers, respond, error) {
  let count = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const answer = answers[Math.min(count++, answers.length - 1)]
      if (typeof answer === 'number') response.statusCode = answer
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(typeof answer === 'number' ? error : respond(answer ?? {}, count)))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() }
}

/**
 * @param {string} name
 * @param {object} input
 */
export function toolCall(name, input) {
  const call = { type: 'function', function: { name, arguments: JSON.stringify(input) } }
  return { role: 'assistant', content: null, tool_calls: [call] }
}

/** @param {string} content */
export function say(content) {
  return { role: 'assistant', content }
}

/**
 * @param {object} message
 * @param {number} count
 */
function completion(message, count) {
  const calls = 'tool_calls' in message && Array.isArray(message.tool_calls) ? message.tool_calls : []
  const told =
    calls.length > 0 ? { ...message, tool_calls: calls.map((call) => ({ id: `call_${count}`, ...call })) } : message
  return {
    id: `chatcmpl_${count}`,
    object: 'chat.completion',
    created: 1_795_000_000,
    model: 'mock-large',
    choices: [{ index: 0, message: told, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }],
    usage: { prompt_tokens: 20, completion_tokens: 7, total_tokens: 27 },
  }
}
