import { expect, test } from 'vitest'
import { readerOfEvents } from '../../test/reader/reader-of.js'
import { at, runEvent, started } from '../../test/reader/run-events.js'
import { treeLines } from './render.js'

test('a run tells for whom it was, who approved what and when, and that once', async () => {
  const scope = { tenantId: 'acme', sessionId: 's-1' }
  const tool = { name: 'refund' }
  const reader = await readerOfEvents(
    started({ ...scope, time: at(0), actor: { id: 'ada' }, runId: 'r-1' }),
    runEvent('tool_approval_granted', { callId: 'c', tool, by: 'bob' }, { ...scope, time: at(1), runId: 'r-1' }),
    started({ ...scope, time: at(2), runId: 'r-2', parentRunId: 'r-1' }),
  )
  const run = await reader.run('r-1', { tenantId: 'acme' })
  const lines = run ? treeLines(run, (_, text) => text) : []
  expect(lines).toContain('├─ session s-1  tenant=acme  actor=ada')
  expect(lines.filter((line) => line.includes('session'))).toHaveLength(1)
  expect(lines).toContainEqual(
    expect.stringMatching(/tool_approval_granted \d{4}-.*Z {2}callId=c tool\.name=refund by=bob$/),
  )
})
