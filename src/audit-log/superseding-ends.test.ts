import { describe, expect, it } from 'vitest'
import { closeLater, directory, openAt, useLogDirectory } from '../../test/support/log-directory.js'
import { ended, identify, started, trace, usage } from '../../test/support/traced-runs.js'
import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { AuditStore } from '../store/contract.js'
import { type AuditLog, openAuditLog } from './index.js'

useLogDirectory()

const ACME = { tenantId: 'acme', sessionId: 's-1' }

/** Opens a log that is closed at the end of the test. @param at - a directory, or a store */
async function opened(at: string | AuditStore = directory): Promise<AuditLog> {
  return typeof at === 'string'
    ? await openAt(at)
    : closeLater(await openAuditLog({ store: at, on: { problem: () => {} } }))
}

describe('an end that supersedes another one', () => {
  const interrupted = (runId: string, scope: Partial<AuditEventInput> = {}) =>
    ({ type: 'run_interrupted', runId, trace, ...scope, data: { reason: 'abandoned' } }) as AuditEventInput
  const failed = (runId: string, supersedes: string, scope: Partial<AuditEventInput> = {}) =>
    ({
      type: 'run_failed',
      runId,
      trace,
      supersedes,
      ...scope,
      data: { error: { code: 'E', message: 'no' }, usage },
    }) as AuditEventInput
  const recorded = (log: AuditLog, event: AuditEventInput) => (log.record(event) as AuditEvent).id

  it('counts in its place, and says so', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    log.record(started('later'))
    log.record(failed('r', guess))
    await log.flush()
    for (const open of [async () => log, () => reopened(log)]) {
      const reader = await open()
      expect(await reader.get(3)).toMatchObject({ type: 'run_failed', supersedes: guess })
      const [run] = await reader.runs().toArray()
      expect(run).toMatchObject({ status: 'failed', supersedes: guess, error: { code: 'E' } })
      expect(run).not.toHaveProperty('reason')
      expect(await reader.run('r')).toMatchObject({ status: 'failed', supersedes: guess, error: { message: 'no' } })
      expect(await reader.runs({ status: 'interrupted' }).toArray()).toEqual([])
      expect(await reader.runs({ status: 'failed' }).toArray()).toMatchObject([{ runId: 'r' }])
      const { total } = await reader.stats({})
      expect(total.runs).toMatchObject({ started: 2, failed: 1, interrupted: 0 })
      expect((await reader.sessions().toArray())[0]?.runs).toBe(2)
      if (reader !== log) expect((await reader.verify()).problems).toEqual([])
    }
  })

  it('does so for a run that was told late whose it is', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    identify(log, 'r', ACME)
    log.record(failed('r', guess, ACME))
    await log.flush()
    expect(await log.runs().toArray()).toMatchObject([{ ...ACME, status: 'failed', supersedes: guess }])
    expect((await log.stats({ tenantId: 'acme' })).total.runs).toMatchObject({ started: 1, failed: 1, interrupted: 0 })
  })

  it('says nothing of a run that has gone on since', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    log.record({ type: 'resumed', runId: 'r', trace, data: {} } as unknown as AuditEventInput)
    log.record(failed('r', guess))
    expect(await log.run('r')).toMatchObject({ status: 'running', resumedCount: 1 })
    log.record(ended('r'))
    const run = await log.run('r')
    expect(run).toMatchObject({ status: 'completed' })
    expect(run).not.toHaveProperty('error')
    expect(run).not.toHaveProperty('supersedes')
    expect((await log.stats({})).total.runs).toMatchObject({ completed: 1, failed: 1, interrupted: 0 })
  })

  it.each([
    ['an event that is not there', () => 'none'],
    ['the end of another run', (ids: readonly string[]) => ids[1] as string],
  ])('and names %s is an end like any other', async (_, named) => {
    const log = await opened()
    log.record(started('r'))
    log.record(started('o'))
    const own = recorded(log, interrupted('r'))
    const others = recorded(log, interrupted('o'))
    log.record(failed('r', named([own, others])))
    const runs = await log.runs().toArray()
    expect(runs).toMatchObject([
      { runId: 'r', status: 'failed' },
      { runId: 'o', status: 'interrupted' },
    ])
    expect(runs[0]).not.toHaveProperty('supersedes')
    expect((await log.stats({})).total.runs).toMatchObject({ failed: 1, interrupted: 2 })
  })

  async function reopened(log: AuditLog): Promise<AuditLog> {
    await log.close()
    return await opened()
  }
})
