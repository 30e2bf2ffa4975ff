import { mockServer } from '../../mock-server.mjs'

/** A server on the loopback interface that speaks Anthropic's messages: it gives the scripted blocks, one a request. */
export async function mockMessagesServer(answers) {
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
  const { origin, close } = await mockServer(answers, message, error)
  return { url: origin, close }
}

export function toolUse(name, input) {
  return { type: 'tool_use', name, input }
}

export function say(text) {
  return { type: 'text', text }
}

function message(block, count) {
  const isCall = block.type === 'tool_use'
  return {
    id: `msg_${count}`,
    type: 'message',
    role: 'assistant',
    model: 'mock-large',
    content: [isCall ? { id: `toolu_${count}`, ...block } : block],
    stop_reason: isCall ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 20, output_tokens: 7 },
  }
}
