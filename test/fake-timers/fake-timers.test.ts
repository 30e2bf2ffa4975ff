import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as sdk from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as spanledger from '../../src/index.js'
import * as readers from '../../src/reader/index.js'
import { behaviours, EXPECTED, inNewDirectory } from './behaviours.mjs'

/** All that Vitest can replace; by default it leaves `queueMicrotask` alone. */
const ALL = ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance', 'queueMicrotask'] as const
const names = Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]

afterEach(() => {
  vi.useRealTimers()
  vi.doUnmock('node:timers')
})

/** The result of each behaviour, by modules that are loaded now. */
async function findAll(): Promise<Record<string, unknown>> {
  vi.resetModules()
  const all = behaviours(await import('../../src/index.js'), await import('../../src/reader/index.js'), sdk)
  const found: Record<string, unknown> = {}
  for (const name of names) found[name] = await inNewDirectory(async (directory) => all[name]?.(directory))
  return found
}

describe.each([
  ['the default', undefined],
  ['all', { toFake: [...ALL, 'clearTimeout', 'clearInterval', 'clearImmediate'] }],
] as const)('with fake timers, %s of them', (_, toFake) => {
  const options = toFake && { toFake: [...toFake.toFake] }

  test.each(names)('that come after the package: %s', async (name) => {
    vi.useFakeTimers(options)
    expect(await inNewDirectory(async (directory) => behaviours(spanledger, readers, sdk)[name]?.(directory))).toBe(
      EXPECTED[name],
    )
  })

  test('that are there before the package: all of it', async () => {
    vi.useFakeTimers(options)
    expect(await findAll()).toEqual(EXPECTED)
  })
})

test('with fake timers also where the real ones are found, all of it', async () => {
  vi.useFakeTimers()
  const { setTimeout, clearTimeout, setImmediate, clearImmediate } = globalThis
  vi.doMock('node:timers', () => ({ setTimeout, clearTimeout, setImmediate, clearImmediate }))
  expect(await findAll()).toEqual(EXPECTED)
})

test('a test that runs all timers comes to an end although a log and a processor are open', async () => {
  vi.useFakeTimers()
  await inNewDirectory(async (directory) => {
    const log = await spanledger.openAuditLog(directory)
    const audit = new spanledger.AuditSpanProcessor({ log })
    vi.runAllTimers()
    expect(vi.getTimerCount()).toBe(0)
    await audit.shutdown()
    await log.close()
  })
})

test('an event has the time that a test has set', async () => {
  vi.useFakeTimers({ now: new Date('2031-05-06T07:08:09Z') })
  await inNewDirectory(async (directory) => {
    await using log = await spanledger.openAuditLog(directory)
    const event = log.record({ type: 'custom', data: { name: 'a', attributes: {} } })
    expect(event?.time).toMatch(/^2031-05-06T07:08:09/)
  })
})

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

describe('of the sources', () => {
  const src = join(import.meta.dirname, '../../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ file: file.replaceAll('\\', '/'), text: withoutComments(readFileSync(join(src, file), 'utf8')) }))
  const using = (what: RegExp) => files.filter(({ text }) => what.test(text)).map(({ file }) => file)

  test('one uses timers, and no other', () => {
    const TIMERS =
      /(?<![.\w])(?:set|clear)(?:Timeout|Interval|Immediate)\(|\bnextTick\b|\bqueueMicrotask\b|'node:timers/
    expect(using(TIMERS)).toEqual(['timers/real-timers.ts'])
    // A request over the network, which a fake leaves without a limit.
    expect(using(/AbortSignal\.timeout/)).toEqual(['witness/http-witness.ts'])
  })

  test('those that ask the clock that tests set ask for times of events and of the application', () => {
    expect(using(/\bperformance\.(?:now|timeOrigin)\b/).sort()).toEqual([
      'log/sealing/clock.ts',
      'otel/hr-time.ts',
      'otel/watch/shadow-span.ts',
      'record/open-run.ts',
    ])
    expect(using(/\bhrtime\(|\bhrtime\.bigint\(/)).toEqual([])
  })
})
