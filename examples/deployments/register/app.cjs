const { createServer } = require('node:http')
const { generateText } = require('ai')
const { MockLanguageModelV3 } = require('ai/test')

// The same in CommonJS, which has a copy of OpenTelemetry's API of its own.
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
