import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { type AuditLog, openAuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import type { AuditStore, StoredEntry } from '../store/contract.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries } from '../testing/index.js'
import { type Forwarder, type ForwardOptions, forwardAuditLog } from './index.js'

const ends: (() => Promise<unknown>)[] = []
let log: AuditLog
beforeEach(async () => {
  log = await openAuditLog({ store: memoryStore() })
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await log.close()
})

/** Forwards, and retries when the test says so. */
function forwarding(remote: AuditStore, options: ForwardOptions = {}) {
  const retries: (() => void)[] = []
  const problems: Error[] = []
  const forwarder = forwardAuditLog(log, remote, {
    onProblem: (problem) => problems.push(problem),
    startTimer: (_, callback) => {
      retries.push(callback)
      return () => {}
    },
    ...options,
  })
  ends.push(() => forwarder.close())
  return { forwarder, problems, retry: () => retries.shift()?.() }
}

function record(count: number): void {
  for (let n = 0; n < count; n++) {
    log.record({ type: 'custom', sessionId: 's', data: { name: 'note', n, filler: 'x'.repeat(n % 50) } })
  }
}

async function bytesOf(entries: AsyncIterable<readonly StoredEntry[]>): Promise<string[]> {
  const texts: string[] = []
  for await (const chunk of entries) for (const { bytes } of chunk) texts.push(Buffer.from(bytes).toString('latin1'))
  return texts
}

/** Asserts that the remote log is the local one, entry by entry and as a tree. */
async function expectSame(remote: AuditStore): Promise<void> {
  const { size } = await log.head()
  const local = (await log.entries().toArray()).map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
  expect(await bytesOf(remote.entries({ from: 0, to: size + 10, reverse: false }))).toEqual(local)
  const { root } = await log.prove(size - 1, { size })
  expect(Buffer.from(remote.root)).toEqual(Buffer.from(root))
}

/** A store whose commits fail as told: before they take place, or after. */
function failing(store: AuditStore, outcomes: ('ok' | 'before' | 'after')[]): AuditStore {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'commit') {
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async (...args: Parameters<AuditStore['commit']>) => {
        const outcome = args[0].length === 0 ? 'ok' : (outcomes.shift() ?? 'ok')
        if (outcome === 'before') throw new AuditLogError('AUDIT_WRITE_FAILED', 'the network is down')
        const receipt = await target.commit(...args)
        if (outcome === 'after') throw new AuditLogError('AUDIT_WRITE_FAILED', 'the answer is lost')
        return receipt
      }
    },
  })
}

describe('a forwarder', () => {
  test('carries over what there is and what comes, byte for byte and leaf for leaf', async () => {
    record(30)
    const remote = memoryStore()
    const { forwarder } = forwarding(remote, { maxGroupEntries: 7 })
    await forwarder.flush()
    await expectSame(remote)
    record(25)
    await forwarder.flush()
    await expectSame(remote)
    const { size } = await log.head()
    expect(forwarder.progress()).toEqual({
      status: 'forwarding',
      localSize: size,
      remoteSize: size,
      lagEvents: 0,
      lagSince: undefined,
      safeToTrim: size,
      forwarded: size,
    })
  })

  test('is woken by what is recorded, without being asked', async () => {
    const remote = memoryStore()
    forwarding(remote)
    for (let n = 1; n <= 3; n++) {
      record(1)
      await vi.waitUntil(() => remote.size === n, AMPLE)
    }
    await expectSame(remote)
  })

  test('goes on where the remote log ends when it is started again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'spanledger-forward-'))
    ends.push(() => rm(directory, { recursive: true }))
    for (let round = 0; round < 3; round++) {
      record(20)
      const { forwarder } = forwarding(levelStore(directory), { maxGroupEntries: 6 })
      await forwarder.flush()
      expect(forwarder.progress().forwarded).toBe(20)
      await forwarder.close()
    }
    const remote = levelStore(directory)
    await remote.open()
    ends.push(() => remote.close())
    await expectSame(remote)
  })

  test.each(['before', 'after'] as const)(
    'that fails %s a commit took place forwards each entry once',
    async (when) => {
      record(40)
      const remote = memoryStore()
      const outcomes: ('ok' | 'before' | 'after')[] = ['ok', when, when, 'ok', when]
      const { forwarder, problems, retry } = forwarding(failing(remote, outcomes), { maxGroupEntries: 9 })
      await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
      await vi.waitUntil(() => {
        if (forwarder.progress().status === 'failing') retry()
        return forwarder.progress().safeToTrim === 40
      }, AMPLE)
      await expectSame(remote)
      expect(forwarder.progress()).toMatchObject({ status: 'forwarding', lagEvents: 0 })
      expect(problems.length).toBeGreaterThan(0)
    },
  )

  test('tells of an outage once, how far it lags, and since when', async () => {
    record(3)
    await log.flush()
    const [oldest] = await log.events().toArray()
    const remote = memoryStore()
    const { forwarder, problems, retry } = forwarding(failing(remote, Array(5).fill('before')))
    const [problem] = await Promise.all([forwarder.flush().catch((caught: Error) => caught)])
    expect(problem).toMatchObject({ message: 'the network is down' })
    for (let n = 0; n < 3; n++) {
      record(10)
      await log.flush()
      const cause = forwarder.progress().cause
      retry()
      await vi.waitUntil(() => forwarder.progress().cause !== cause, AMPLE)
    }
    expect(forwarder.progress()).toMatchObject({
      status: 'failing',
      localSize: 33,
      lagEvents: 33,
      lagSince: oldest?.recordedAt,
      safeToTrim: 0,
    })
    expect(problems.length).toBe(1)
    await vi.waitUntil(() => {
      if (forwarder.progress().status === 'failing') retry()
      return forwarder.progress().safeToTrim === 33
    }, AMPLE)
    expect(forwarder.progress()).toMatchObject({ status: 'forwarding', lagEvents: 0, safeToTrim: 33 })
  })

  test('does not call safe to trim what the remote log does not give back', async () => {
    record(20)
    const remote = memoryStore()
    const altered = new Proxy(remote, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (name !== 'entries') return typeof value === 'function' ? value.bind(target) : value
        return async function* (walk: Parameters<AuditStore['entries']>[0]) {
          for await (const chunk of target.entries(walk)) {
            yield chunk.map(({ seq, bytes }) => ({ seq, bytes: seq === 13 ? Buffer.from('{}') : bytes }))
          }
        }
      },
    })
    const { forwarder, problems } = forwarding(altered, { maxGroupEntries: 5 })
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_DIVERGED' })
    expect(forwarder.progress()).toMatchObject({ status: 'stopped', safeToTrim: 0 })
    expect(problems).toMatchObject([{ message: expect.stringContaining('entry 13 is another') }])
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_DIVERGED' })
  })

  test.each([3, 50])('refuses a remote log with %i entries of another log, and adds none', async (count) => {
    record(10)
    const remote = memoryStore()
    await remote.open()
    await remote.commit(sealedEntries(count))
    const { forwarder } = forwarding(remote)
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_DIVERGED' })
    expect(remote.size).toBe(count)
  })

  test('stops when somebody else writes to the remote log', async () => {
    record(5)
    const remote = memoryStore()
    const { forwarder } = forwarding(remote)
    await forwarder.flush()
    await remote.commit(sealedEntries(1))
    record(5)
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_DIVERGED' })
    expect(remote.size).toBe(6)
  })

  test('does not hold up recording: what a slow remote log has not taken waits in the local one', async () => {
    const remote = memoryStore()
    const gate = new EventTarget()
    const slow = new Proxy(remote, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (name !== 'commit') return typeof value === 'function' ? value.bind(target) : value
        return async (...args: Parameters<AuditStore['commit']>) => {
          if (args[0].length > 0) await once(gate, 'open')
          return await target.commit(...args)
        }
      },
    })
    const { forwarder } = forwarding(slow, { maxGroupEntries: 10 })
    record(100)
    await log.flush()
    const flushed = forwarder.flush()
    expect(forwarder.progress()).toMatchObject({ remoteSize: 0, safeToTrim: 0 })
    const opening = setInterval(() => gate.dispatchEvent(new Event('open')), 1)
    await flushed
    clearInterval(opening)
    await expectSame(remote)
  })

  test('that is closed ends a flush with an error, and carries over nothing more', async () => {
    const remote = memoryStore()
    const { forwarder } = forwarding(failing(remote, Array(100).fill('before')))
    record(5)
    const flushed = forwarder.flush().catch((caught: unknown) => caught)
    await forwarder.close()
    expect(await flushed).toBeInstanceOf(AuditLogError)
    expect(forwarder.progress().status).toBe('closed')
    await expect(forwarder.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    await forwarder.close()
    expect((await log.append({ type: 'custom', sessionId: 's', data: { name: 'after' } })).seq).toBe(5)
  })

  test('stops when the local log is closed', async () => {
    const remote = memoryStore()
    const { forwarder } = forwarding(remote)
    record(5)
    await forwarder.flush()
    await log.close()
    await vi.waitUntil(() => forwarder.progress().status === 'stopped', AMPLE)
    expect(forwarder.progress()).toMatchObject({ cause: { code: 'AUDIT_LOG_CLOSED' }, safeToTrim: 5 })
  })

  test('that nobody listens to survives a listener that throws', async () => {
    record(1)
    const onProblem = () => {
      throw new Error('of the listener')
    }
    const { forwarder, retry } = forwarding(failing(memoryStore(), ['before']), { onProblem })
    await expect(forwarder.flush()).rejects.toThrow('the network is down')
    retry()
    await vi.waitUntil(() => forwarder.progress().safeToTrim === 1, AMPLE)
  })

  test('names what cannot be meant', () => {
    const remote = memoryStore()
    const given = (options: object) => () => forwardAuditLog(log, remote, options as ForwardOptions)
    expect(given({ maxGroupEntrys: 5 })).toThrow("unknown option 'maxGroupEntrys'; did you mean 'maxGroupEntries'?")
    expect(given({ maxGroupEntries: 0 })).toThrow('maxGroupEntries must be a whole number from 1 to 65536')
    expect(given({ onProblem: 5 })).toThrow('onProblem must be a function')
    expect(() => forwardAuditLog(undefined as unknown as AuditLog, remote)).toThrow(
      'the first argument must be an open log',
    )
    expect(() => forwardAuditLog(log, {} as AuditStore)).toThrow('the second argument must be a store')
  })
})

test('two forwarders of one log into one store: one goes on, and nothing is doubled', async () => {
  record(30)
  const remote = memoryStore()
  const both: Forwarder[] = [
    forwarding(remote, { maxGroupEntries: 4 }),
    forwarding(remote, { maxGroupEntries: 4 }),
  ].map(({ forwarder }) => forwarder)
  const done = await Promise.allSettled(both.map((forwarder) => forwarder.flush()))
  expect(done.some(({ status }) => status === 'fulfilled')).toBe(true)
  await expectSame(remote)
})
