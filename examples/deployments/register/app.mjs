import { createServer } from 'node:http'
import { generateText } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'

// An application that knows nothing of Spanledger, nor of OpenTelemetry. A mock stands in for its model.
const usage = { inputTokens: { total: 120, noCache: 120 }, outputTokens: { total: 18, text: 18 } }
const content = [{ type: 'text', text: 'Hello.' }]
const model = new MockLanguageModelV3({
  doGenerate: async () => ({ content, finishReason: { unified: 'stop' }, usage, warnings: [] }),
})

const server = createServer(async (_request, response) => {
  const telemetry = { isEnabled: true, functionId: 'greeter' }
  const { text } = await generateText({ model, prompt: 'Say hello.', experimental_telemetry: telemetry })
  response.end(text)
})
server.listen(0, () => console.log(`listening on http://localhost:${server.address().port}`))

process.once('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
