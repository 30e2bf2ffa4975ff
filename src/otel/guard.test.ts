import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { afterEach, expect, it, vi } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { withAuditing } from '../record/context.js'
import { AuditSpanProcessor } from './processor.js'

afterEach(() => context.disable())

it('runs the action when every attached log can be written', async () => {
  const audit = new AuditSpanProcessor()
  const logs = [new CollectingLog(), new CollectingLog()]
  const asked = logs.map((log) => vi.spyOn(log, 'assertWritable'))
  for (const log of logs) audit.attach(log)
  expect(await audit.guard(() => 'done')).toBe('done')
  for (const spy of asked) expect(spy).toHaveBeenCalledTimes(1)
  await expect(audit.guard(() => Promise.reject(new Error('its own')))).rejects.toThrow('its own')
})

it('does not run it when a log cannot', async () => {
  const audit = new AuditSpanProcessor()
  const broken = new CollectingLog()
  vi.spyOn(broken, 'assertWritable').mockRejectedValue(new Error('disk full'))
  audit.attach(new CollectingLog())
  audit.attach(broken)
  const action = vi.fn()
  await expect(audit.guard(action)).rejects.toThrow('disk full')
  expect(action).not.toHaveBeenCalled()
})

it('does not run it where nothing would be recorded', async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const audit = new AuditSpanProcessor()
  const action = vi.fn()
  const refused = (why: string) => ({ code: 'AUDIT_NOT_RECORDING', message: expect.stringContaining(why) })
  await expect(audit.guard(action)).rejects.toMatchObject(refused('no log is attached'))
  audit.attach(new CollectingLog())
  await expect(withAuditing(false, () => audit.guard(action))).rejects.toMatchObject(refused('auditing is off'))
  audit.setEnabled(false)
  await expect(audit.guard(action)).rejects.toMatchObject(refused('auditing is off'))
  expect(action).not.toHaveBeenCalled()
})
