import { describe, expect, it } from 'vitest'
import { failWrites, note, useJournaledLogs } from '../../../test/support/journaled-log.js'

const { openLog } = useJournaledLogs()

describe('assertWritable', () => {
  it('writes, even when nothing waits, and resolves', async () => {
    const { log, control } = await openLog()
    await log.assertWritable()
    expect(control.marks).toHaveLength(1)
    log.record(note('a'))
    await log.assertWritable()
    expect(log.counters().committed).toBe(1)
  })

  it('rejects as long as the store fails, whatever it said before', async () => {
    const { log, control } = await openLog()
    await log.assertWritable()
    control.failure = new Error('broken')
    const failed = { code: 'AUDIT_WRITE_FAILED', cause: control.failure }
    await expect(log.assertWritable()).rejects.toMatchObject(failed)
    await expect(log.assertWritable()).rejects.toMatchObject(failed)
    control.failure = undefined
    await log.assertWritable()
    expect(log.health().status).toBe('ok')
  })

  it('rejects as long as the journal fails, and finds out by itself that it works again', async () => {
    const { log } = await openLog()
    const { problem, mend } = failWrites()
    log.record(note('a'))
    await expect(log.assertWritable()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause: problem })
    mend()
    await log.assertWritable()
    expect(log.health().status).toBe('ok')
  })

  it('rejects once the log is closed', async () => {
    const { log } = await openLog()
    await log.close()
    await expect(log.assertWritable()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    expect(log.health().status).toBe('closed')
  })
})
