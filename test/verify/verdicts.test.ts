import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { recordStatement } from '../../src/log/statements.js'
import { log, useGrownLog } from './grown-log.js'
import { dropEntry, spanledger, tamper, verdict } from './tampered-log.js'

useGrownLog()

describe('what else verify says', () => {
  it('3 for a log that could not record everything, unless there is something graver', async () => {
    const directory = await log.copy()
    const opened = await openAuditLog(directory)
    const [from, to] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
    recordStatement(opened, { type: 'events_dropped', data: { count: 12, reason: 'queue_full', from, to } })
    await opened.close()
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 3, report: { droppedEvents: 12 } })
    const stranger = Ed25519Signer.generate('example.org/other')
    expect((await verdict(directory, '-k', stranger.vkey)).code).toBe(4)
    await tamper(directory, (db) => dropEntry(db, 3))
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(5)
  })

  it('66 where there is nothing to verify, 64 for what cannot be meant', async () => {
    expect((await spanledger('verify', join(log.root, 'nowhere'))).code).toBe(66)
    expect((await spanledger('verify', log.directory, 'more')).code).toBe(64)
    expect((await spanledger('verify', log.directory, '-c', join(log.root, 'nowhere'))).code).toBe(64)
    expect((await spanledger('verify', log.directory, '--threads', '0')).code).toBe(64)
    expect((await spanledger('prove', '--log', log.directory, 'x')).code).toBe(64)
  })

  it('nothing, when the signal is aborted', async () => {
    await using reader = await openAuditLog(await log.copy())
    await expect(reader.verify({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })
})
