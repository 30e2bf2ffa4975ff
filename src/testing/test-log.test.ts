import { expect, onTestFinished, test, vi } from 'vitest'
import { startAuditedSdk } from '../../test/support/audited-sdk.js'
import { recordCustom } from '../record/record.js'
import { withRun } from '../record/run.js'
import { openTestLog, stableEvents, type TestLog } from './index.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

async function audited(): Promise<TestLog & { run(name: string): void }> {
  const log = await openTestLog()
  onTestFinished(() => log.close())
  const { tracer } = startAuditedSdk({ log })
  return Object.assign(log, { run: (name: string) => tracer.startSpan(name, { attributes: AGENT }).end() })
}

test('a test log tells what was recorded, all of it and of one run', async () => {
  const log = await audited()
  log.run('a')
  const runId = await withRun({ agentName: 'writer' }, (run) => {
    recordCustom('noted', {})
    return run.runId
  })
  expect(await log.types()).toEqual([
    'audit_attached',
    'run_started',
    'run_completed',
    'run_started',
    'custom',
    'run_completed',
  ])
  expect((await log.eventsOf(runId)).map(({ type }) => type)).toEqual(['run_started', 'custom', 'run_completed'])
  expect(await log.eventsOf({ runId })).toEqual(await log.eventsOf(runId))
  expect((await log.recorded()).map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5])
  expect(await log.eventsOf('nobody')).toEqual([])
})

test('a test log answers while timers stand still, with the time that was set', async () => {
  vi.useFakeTimers({ now: new Date('2031-05-06T07:08:09Z') })
  onTestFinished(() => void vi.useRealTimers())
  const log = await openTestLog()
  log.record({ type: 'custom', data: { name: 'a', attributes: {} } })
  expect((await log.recorded())[0]?.time).toMatch(/^2031-05-06T07:08:09/)
  await log.close()
})

test('stable events of two executions are equal, and their ids still say what belongs together', async () => {
  const told = async () => {
    const log = await audited()
    log.run('a')
    log.run('a')
    return stableEvents(await log.recorded())
  }
  const first = await told()
  expect(first).toEqual(await told())
  expect(first.map(({ id, runId, time }) => [id, runId, time])).toEqual([
    ['<event 1>', undefined, '<time>'],
    ['<event 2>', '<run 1>', '<time>'],
    ['<event 3>', '<run 1>', '<time>'],
    ['<event 4>', '<run 2>', '<time>'],
    ['<event 5>', '<run 2>', '<time>'],
  ])
})

test('an option that is not known is refused', async () => {
  await expect(openTestLog({ path: 'x' } as never)).rejects.toThrow(/openTestLog.*path/)
})
