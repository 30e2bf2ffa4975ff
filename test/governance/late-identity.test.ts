import { expect, test } from 'vitest'
import { openAuditLog } from '../../src/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()

const failed = (operation: string) =>
  ({ type: 'error_occurred', data: { operation, error: { code: 'E', message: `message of ${operation}` } } }) as const

test('an identity that becomes known later has a key of its own, and what was recorded before keeps its key', async () => {
  const log = await openAuditLog(directory)
  const ids = { tenantId: 't', runId: 'r' }
  const [tenant, session, actor] = [ids, { ...ids, sessionId: 's' }, { ...ids, sessionId: 's', actor: { id: 'ann' } }]
  await log.append({ ...failed('tenant'), ...tenant })
  await log.append({ ...failed('session'), ...session })
  await log.append({ ...failed('actor'), ...actor })
  // The same again, from each identity: what was learned in between changes nothing.
  await log.append({ ...failed('tenant'), ...tenant })
  await log.append({ ...failed('session'), ...session })
  await log.append({ ...failed('actor'), ...actor, sessionId: 'another' })
  await log.close()

  const again = await openAuditLog(directory)
  await again.append({ ...failed('tenant'), ...tenant })
  const events = await again.events({ type: 'error_occurred', content: 'all' }).toArray()
  const keys = new Map<string, Set<unknown>>()
  for (const event of events) {
    const { operation, error } = event.data
    expect(error.message).toBe(`message of ${operation}`)
    const stated = event.content as { readonly key: string }
    keys.set(operation, (keys.get(operation) ?? new Set()).add(stated.key))
    expect(await again.content(event)).toMatchObject([{ status: 'readable' }])
  }
  expect([...keys].map(([operation, ids]) => [operation, ids.size])).toEqual([
    ['tenant', 1],
    ['session', 1],
    ['actor', 1],
  ])
  expect(new Set([...keys.values()].flatMap((ids) => [...ids])).size).toBe(3)
  await again.close()
})
