import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from 'spanledger'
import { expect, onTestFinished, test } from 'vitest'

test('a run is found by the agent that only the data of its start names', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-agent-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const log = await openAuditLog(directory)
  onTestFinished(() => log.close())
  log.record({ type: 'run_started', runId: 'r-1', data: { agent: { id: 'a-1', name: 'planner' } } })
  await log.append({ type: 'run_started', runId: 'r-2', data: { agent: { name: 'planner' } } })
  log.record({ type: 'run_started', runId: 'r-3', agent: { name: 'writer' }, data: { agent: { name: 'planner' } } })
  const runIds = async (agent: string) => (await log.events({ agent }).toArray()).map(({ runId }) => runId)
  expect(await runIds('planner')).toEqual(['r-1', 'r-2'])
  expect(await runIds('a-1')).toEqual(['r-1'])
  expect(await runIds('writer')).toEqual(['r-3'])
})
