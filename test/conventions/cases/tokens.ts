import { describe, expect, test } from 'vitest'
import type { Dialect } from '../dialect.js'
import { genAi } from '../dialects/gen-ai.js'
import { errorNamed } from '../speaker.js'
import { begin, doesTell, sumOf } from './story.js'

/** Tokens: each is counted once, and means the same. */
export function tokenCases(dialect: Dialect): void {
  const { model, cached, repeatedUsage } = dialect

  describe('tokens', () => {
    test('are counted once, also where the agent repeats them', async () => {
      const { log, callModel, finish, close } = await begin(dialect)
      await callModel(20, 7)
      await callModel(30, 3)
      finish(repeatedUsage?.(50, 10))
      await close()
      expect([sumOf(log, 'inputTokens'), sumOf(log, 'outputTokens')]).toEqual([50, 10])
      expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 50, outputTokens: 10 })
    })

    test.runIf(model)('of a call are counted once where a client inside tells of it, too', async () => {
      const { log, speaker, agent, finish, close } = await begin(dialect)
      await speaker.call(agent, model?.(20, 7), async (call) => {
        const request = genAi.model?.(20, 7)
        if (request) speaker.end(await speaker.start({ ...request, scope: 'http-client-instrumentation' }, call))
        speaker.end(call)
      })
      finish()
      await close()
      const usages = log.of('token_usage_updated').map(({ data }) => [data.inputTokens, data.outputTokens])
      expect(usages).toEqual([[20, 7]])
    })

    test.runIf(cached)('that a cache gave are part of the input, also where they are counted beside it', async () => {
      const { log, speaker, agent, finish, close } = await begin(dialect)
      await speaker.call(agent, model?.(3, 7), (call) => speaker.end(call, cached?.(900)))
      finish()
      await close()
      expect(log.of('token_usage_updated').map(({ data }) => [data.inputTokens, data.cachedInputTokens])).toEqual([
        [903, 900],
      ])
    })

    test.runIf(model && doesTell(dialect, 'quota'))('that nobody has paid for are a limit, once', async () => {
      const { log, speaker, agent, fail, close } = await begin(dialect)
      const error = errorNamed('RateLimitError', '429 You exceeded your current quota, please check your plan.')
      await speaker.call(agent, model?.(0, 0), (call) => speaker.fail(call, error))
      fail(error)
      await close()
      expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toEqual(['quota'])
      expect(log.of('run_failed')).toHaveLength(1)
    })
  })
}
