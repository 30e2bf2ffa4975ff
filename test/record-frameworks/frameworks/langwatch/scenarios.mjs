import { getLangWatchTracerFromProvider } from 'langwatch/observability'

export const scenarios = {
  'agent-tools': ({ provider }) =>
    asking(provider, async (tracer) => {
      await askModel(tracer, async () => 'Let me look it up.')
      await callTool(tracer, 'look_up', async () => 'late')
      await askModel(tracer, async () => 'Let me pay back.')
      await callTool(tracer, 'refund', async () => {
        throw new Error('No such payment')
      }).catch(() => undefined)
      await askModel(tracer, async () => 'Done.')
    }),
  'model-error': ({ provider }) =>
    asking(provider, (tracer) =>
      askModel(tracer, async () => {
        throw new Error('Overloaded')
      }),
    ),
}

async function asking(provider, run) {
  const tracer = getLangWatchTracerFromProvider(provider, 'support')
  const answered = tracer.withActiveSpan('support', async (span) => {
    span.setType('agent').setAttribute('langwatch.thread.id', 'ticket-4711')
    await run(tracer)
  })
  await answered.catch(() => undefined)
}

function askModel(tracer, model) {
  return tracer.withActiveSpan('chat', async (span) => {
    span.setType('llm').setRequestModel('mock-large').setInput('text', 'Where is it?')
    span.setOutput('text', await model())
    span.setMetrics({ promptTokens: 20, completionTokens: 7 })
  })
}

function callTool(tracer, name, run) {
  return tracer.withActiveSpan(name, async (span) => {
    span.setType('tool').setInput({ id: 'A-17' })
    span.setOutput('text', await run())
  })
}
