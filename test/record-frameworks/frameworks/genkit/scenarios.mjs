import { genkit, z } from 'genkit/beta'
import { disableGenkitOTelInitialization } from 'genkit/tracing'

// The spans go to the recorder's provider, not to one of genkit's own.
disableGenkitOTelInitialization()

export const scenarios = {
  'agent-tools': async () => {
    const { ai, model } = scripted(call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.'))
    const tools = [tool(ai, 'look_up', async () => 'late'), tool(ai, 'refund', throwing('No such payment'))]
    const support = flow(ai, 'support', async (prompt) => (await ai.generate({ model, prompt, tools })).text)
    await support('Where is it?').catch(() => undefined)
  },
  'sub-flow': async () => {
    const { ai, model } = scripted(call('ask', { id: 'A-17' }), say('Yes.'), say('Done.'))
    const researcher = flow(ai, 'researcher', async (prompt) => (await ai.generate({ model, prompt })).text)
    const tools = [tool(ai, 'ask', () => researcher('Is it?'))]
    const support = flow(ai, 'support', async (prompt) => (await ai.generate({ model, prompt, tools })).text)
    await support('Is it?')
  },
  'interrupt-resume': async () => {
    const { ai, model } = scripted(call('confirm', { id: 'A-17' }), say('Done.'))
    const confirm = ai.defineInterrupt({ ...described('confirm'), outputSchema: z.string() })
    const asked = await ai.generate({ model, prompt: 'Pay', tools: [confirm] })
    await ai.generate({
      model,
      messages: asked.messages,
      tools: [confirm],
      resume: { respond: [confirm.respond(asked.interrupts[0], 'yes')] },
    })
  },
  'model-error': async () => {
    const ai = genkit({})
    const model = ai.defineModel({ name: 'mock/large' }, throwing('Overloaded'))
    const support = flow(ai, 'support', async (prompt) => (await ai.generate({ model, prompt })).text)
    await support('Hello').catch(() => undefined)
  },
}

function scripted(...answers) {
  const ai = genkit({})
  let count = 0
  const model = ai.defineModel({ name: 'mock/large', supports: { tools: true } }, async () => answers[count++])
  return { ai, model }
}

function flow(ai, name, run) {
  return ai.defineFlow({ name, inputSchema: z.string(), outputSchema: z.string() }, run)
}

function tool(ai, name, run) {
  return ai.defineTool({ ...described(name), outputSchema: z.string() }, run)
}

function described(name) {
  return { name, description: 'A tool', inputSchema: z.object({ id: z.string() }) }
}

function throwing(message) {
  return async () => {
    throw new Error(message)
  }
}

function call(name, input) {
  return answer([{ toolRequest: { name, ref: `call-${name}`, input } }])
}

function say(text) {
  return answer([{ text }])
}

function answer(content) {
  const usage = { inputTokens: 20, outputTokens: 7, totalTokens: 27 }
  return { message: { role: 'model', content }, finishReason: 'stop', usage }
}
