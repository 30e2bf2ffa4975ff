import { describe, expect, test } from 'vitest'
import type { Dialect } from '../dialect.js'
import { begin } from './story.js'

/** Whose a run is, whenever that shows. */
export function identityCases(dialect: Dialect): void {
  const { session, tenant } = dialect

  describe('identity', () => {
    test.runIf(session).each([['s-1'], [42]])(
      'a session (%s) that is told at the end is that of the run',
      async (id) => {
        const { log, callTool, finish, close } = await begin(dialect)
        await callTool()
        finish(session?.(id))
        await close()
        expect(log.of('run_completed').map(({ sessionId }) => sessionId)).toEqual([String(id)])
      },
    )

    test.runIf(tenant).each([['acme'], [7]])('a tenant (%s) that is told late names the run, once', async (id) => {
      const { log, callTool, finish, close } = await begin(dialect)
      await callTool()
      finish(tenant?.(id))
      await close()
      const [run] = log.of('run_started')
      expect(log.of('run_completed').map(({ tenantId }) => tenantId)).toEqual([String(id)])
      expect(log.of('run_identified')).toMatchObject([{ runId: run?.runId, tenantId: String(id) }])
    })
  })
}
