import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { trace } from '@opentelemetry/api'
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { AuditSpanProcessor } from '../otel/processor.js'
import type { ActiveRun } from './open-run.js'
import { recordAgentHandoff } from './record.js'
import { withRun } from './run.js'

const AGENT = { agentName: 'planner' }

/** Ways to return a stream of two parts, the first of which records an event. */
const sources: Record<string, () => Stream | Promise<Stream>> = {
  'an async generator': () => parts(),
  'a promise of one': async () => parts(),
  'an async iterable': () => ({ [Symbol.asyncIterator]: () => parts() }),
  'an iterator without return': () => {
    const generator = parts()
    return { next: () => generator.next(), [Symbol.asyncIterator]: thisOne }
  },
  'a web stream': () => ReadableStream.from(parts()),
  'a web stream of bytes': () => byteStream(),
  'a web stream of a class of its own': () => new OwnStream(),
  'a Node stream': () => Readable.from(parts(), { objectMode: true }),
  'a response': () => new Response(byteStream()),
}

async function* parts(failure?: Error) {
  recordAgentHandoff({ to: 'first' })
  yield bytesOf('a')
  await Promise.resolve()
  recordAgentHandoff({ to: 'second' })
  if (failure) throw failure
  yield bytesOf('b')
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))

function thisOne<T>(this: T): T {
  return this
}

function byteStream(failure?: Error): ReadableStream<Uint8Array> {
  const generator = parts(failure)
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await generator.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await generator.return()),
  })
}

class OwnStream extends ReadableStream<Uint8Array> {
  constructor() {
    const generator = parts()
    super({
      async pull(controller) {
        const { done, value } = await generator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    })
  }
}

type Stream = AsyncIterable<Uint8Array> | Response
const iterable = (stream: Stream): AsyncIterable<Uint8Array> =>
  stream instanceof Response ? (stream.body as ReadableStream<Uint8Array>) : stream

async function read(stream: Stream): Promise<string> {
  let all = ''
  for await (const part of iterable(stream)) all += Buffer.from(part).toString()
  return all
}

async function leave(stream: Stream): Promise<void> {
  for await (const _ of iterable(stream)) break
}

describe.each(Object.entries(sources))('a run that returns %s', (_name, source) => {
  test('lasts as long as that is read, with all that happens inside', async () => {
    const { log } = startRecordingSdk()
    const stream: Stream = await withRun(AGENT, source)
    expect(log.types).not.toContain('run_completed')
    expect(await read(stream)).toBe('ab')
    expect(log.types).toEqual(['run_started', 'agent_handoff', 'agent_handoff', 'run_completed'])
    expect(new Set(log.events.slice(1).map(({ runId }) => runId)).size).toBe(1)
  })

  test('is cancelled when its reader leaves', async () => {
    const { log } = startRecordingSdk()
    await leave(await withRun(AGENT, source))
    await vi.waitFor(() => expect(log.of('run_cancelled').map(({ data }) => data.reason)).toEqual(['left']), AMPLE)
    expect(log.of('run_completed')).toEqual([])
  })

  test('is told alike without any SDK', async () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    onTestFinished(() => audit.shutdown())
    await read(await withRun(AGENT, source))
    expect(log.types).toEqual(['run_started', 'agent_handoff', 'agent_handoff', 'run_completed'])
    expect(log.of('agent_handoff').map(({ runId }) => runId)).toEqual(Array(2).fill(log.of('run_started')[0]?.runId))
  })

  test('stays open while nobody reads', async () => {
    const { audit, log } = startRecordingSdk()
    await withRun(AGENT, source)
    expect(log.types).not.toContain('run_completed')
    await audit.shutdown()
    expect(log.of('run_interrupted')).toHaveLength(1)
  })
})

test.each<[string, (failure: Error) => Stream]>([
  ['an async generator', (failure) => parts(failure)],
  ['a web stream', (failure) => ReadableStream.from(parts(failure))],
  ['a web stream of bytes', byteStream],
  ['a Node stream', (failure) => Readable.from(parts(failure))],
  ['a response', (failure) => new Response(byteStream(failure))],
])('a run that returns %s fails when that throws, and its reader gets the same error', async (_name, source) => {
  const { log } = startRecordingSdk()
  const failure = new RangeError('too far')
  await expect(read(withRun(AGENT, () => source(failure)))).rejects.toBe(failure)
  expect(log.of('run_failed').map(({ data }) => data.error)).toEqual([
    { code: 'RangeError', message: 'too far', stackTrace: failure.stack },
  ])
  expect(log.types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_failed'])
})

describe('a generator that is not asynchronous', () => {
  function* numbers(failure?: Error) {
    recordAgentHandoff({ to: 'first' })
    yield 1
    if (failure) throw failure
    yield 2
  }

  test('is followed as well', () => {
    const { log } = startRecordingSdk()
    expect([...withRun(AGENT, () => numbers())]).toEqual([1, 2])
    for (const _ of withRun(AGENT, () => numbers())) break
    expect(() => [...withRun(AGENT, () => numbers(new RangeError('x')))]).toThrow(RangeError)
    expect(log.types.filter((type) => type.startsWith('run_') && type !== 'run_started')).toEqual([
      'run_completed',
      'run_cancelled',
      'run_failed',
    ])
  })

  test('is what collections are not: they end the run at once', () => {
    const { log } = startRecordingSdk()
    withRun(AGENT, () => [1, 2].values())
    withRun(AGENT, () => new Map([[1, 2]]))
    expect(log.of('run_completed')).toHaveLength(2)
  })
})

describe('what a run returns', () => {
  test('stays the same object, and a web stream a web stream', async () => {
    startRecordingSdk()
    for (const given of [parts(), Readable.from(parts()), new Response(byteStream()), new OwnStream()]) {
      expect(withRun(AGENT, () => given)).toBe(given)
    }
    expect(withRun(AGENT, () => ReadableStream.from(parts()))).toBeInstanceOf(ReadableStream)
    const response = withRun(AGENT, () => new Response(byteStream(), { status: 201, headers: { 'x-a': 'b' } }))
    expect([response.status, response.headers.get('x-a'), response.bodyUsed]).toEqual([201, 'b', false])
    expect(await response.text()).toBe('ab')
    expect(response.bodyUsed).toBe(true)
  })

  test('keeps its type', () => {
    startRecordingSdk()
    expectTypeOf(withRun(AGENT, () => parts())).toEqualTypeOf<ReturnType<typeof parts>>()
    expectTypeOf(withRun(AGENT, async () => new Response())).toEqualTypeOf<Promise<Response>>()
    expectTypeOf(withRun(AGENT, (_run: ActiveRun) => 1)).toEqualTypeOf<number>()
  })

  test('can be read in the other ways that it offers', async () => {
    const { log } = startRecordingSdk()
    expect(await new Response(withRun(AGENT, () => byteStream())).text()).toBe('ab')
    const [one, other] = withRun(AGENT, () => byteStream()).tee()
    expect(await Promise.all([text(one), text(other)])).toEqual(['ab', 'ab'])
    expect(await text(withRun(AGENT, () => new OwnStream()).pipeThrough(new TransformStream()))).toBe('ab')
    await pipeline(
      withRun(AGENT, () => Readable.from(parts())),
      async (source) => void (await text(source)),
    )
    const byob = withRun(AGENT, () => byteStream()).getReader({ mode: 'byob' })
    while (!(await byob.read(new Uint8Array(8))).done);
    expect(
      await withRun(AGENT, () => new Response(byteStream()))
        .clone()
        .text(),
    ).toBe('ab')
    await vi.waitFor(() => expect(log.of('run_completed')).toHaveLength(6), AMPLE)
  })

  test('that cannot be followed ends the run at once', () => {
    const { log } = startRecordingSdk()
    const locked = byteStream()
    locked.getReader()
    const refusing = () => {
      throw new Error('no')
    }
    const hostile = new Proxy({}, { get: refusing })
    for (const value of [locked, Object.freeze(parts()), hostile, new Response(null), null]) withRun(AGENT, () => value)
    expect(log.of('run_completed')).toHaveLength(5)
  })

  test('counts as read when the run was told its end before', async () => {
    const { log } = startRecordingSdk()
    const stream = withRun(AGENT, (run) => {
      run.complete({ finishReason: 'handed over' })
      return parts()
    })
    expect(log.of('run_completed')[0]?.data.finishReason).toBe('handed over')
    await stream.return()
    expect(log.of('run_cancelled')).toEqual([])
  })
})

test('a stream that is told its end while it is read ends so, also when its reader then leaves', async () => {
  const { log } = startRecordingSdk()
  await leave(
    withRun(AGENT, async function* (run) {
      run.complete({ finishReason: 'enough' })
      yield Buffer.from('a')
    }),
  )
  expect(log.of('run_completed')[0]?.data.finishReason).toBe('enough')
})

test('a Node stream that is destroyed with an error fails the run, and one that nobody listens to still throws it', async () => {
  const { log } = startRecordingSdk()
  const thrown: unknown[] = []
  const stream = withRun(AGENT, () => new Readable({ read: () => {} }))
  stream.on('error', (problem) => thrown.push(problem))
  expect(stream.listenerCount('error')).toBe(1)
  stream.destroy(new RangeError('too far'))
  await vi.waitFor(() => expect(log.of('run_failed')).toHaveLength(1), AMPLE)
  expect(thrown).toHaveLength(1)
})

test('spans that start while a stream is read are inside of the run, and the reader goes on in its own context', async () => {
  const { log, tracer } = startRecordingSdk()
  const stream = withRun(AGENT, async function* () {
    await withRun({ agentName: 'writer' }, async () => {})
    yield 1
  })
  await tracer.startActiveSpan('reader', async (reader) => {
    for await (const _ of stream) expect(trace.getActiveSpan()).toBe(reader)
    reader.end()
  })
  const [planner, writer] = log.of('run_started')
  expect(writer?.parentRunId).toBe(planner?.runId)
})

test('a response with a status that nobody but a server can give is read as it is', async () => {
  const { log } = startRecordingSdk()
  const response = Object.defineProperty(new Response('body'), 'status', { value: 999 })
  expect(await withRun(AGENT, () => response).text()).toBe('body')
  expect(log.of('run_completed')).toHaveLength(1)
})
