import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpInstrumentation } from '@traceloop/instrumentation-mcp'
import { z } from 'zod'

export const scenarios = {
  'tools-call': ({ provider }) =>
    asking(provider, async (client) => {
      await client.listTools()
      await client.callTool({ name: 'look_up', arguments: { id: 'A-17' } })
    }),
  'tool-error': ({ provider }) =>
    asking(provider, (client) => client.callTool({ name: 'refund', arguments: { id: 'A-17' } })),
  'protocol-error': ({ provider }) =>
    asking(provider, (client) => client.readResource({ uri: 'orders://A-18' }).catch(() => undefined)),
}

async function asking(provider, ask) {
  const instrumentation = new McpInstrumentation()
  instrumentation.setTracerProvider(provider)
  instrumentation.manuallyInstrument({ Client })
  const [there, here] = InMemoryTransport.createLinkedPair()
  const client = new Client({ name: 'support', version: '1.0.0' })
  await orders().connect(there)
  await client.connect(here)
  await ask(client)
  await client.close()
}

function orders() {
  const server = new McpServer({ name: 'orders', version: '1.0.0' })
  const inputSchema = { id: z.string() }
  const late = async () => ({ content: [{ type: 'text', text: 'late' }] })
  server.registerTool('look_up', { description: 'A tool', inputSchema }, late)
  server.registerTool('refund', { description: 'A tool', inputSchema }, async () => {
    throw new Error('No such payment')
  })
  server.registerResource('order', 'orders://A-17', {}, async (uri) => ({
    contents: [{ uri: uri.href, text: 'late' }],
  }))
  return server
}
