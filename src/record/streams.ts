import { errorMonitor } from 'node:events'

/** The run behind a stream, which hears of how that is read. Of the three ends the first one counts. */
export interface Reading {
  /** Runs what produces the stream's next part. */
  within<T>(action: () => T): T
  /** It was read to its end. */
  end(): void
  /** It threw. */
  fail(thrown: unknown): void
  /** Its reader has gone before the end. */
  leave(): void
}

/**
 * Lets a run hear how the stream that its function returned is read.
 *
 * - A generator, a Node stream, a `Response` and any other object that can be iterated asynchronously stay the same object.
 * - A web stream is replaced by one that reads from it, unless it is of a class of its own.
 *
 * @returns what to return in place of `value`; `undefined` when it is no stream that can be followed
 */
export function followStream(value: unknown, reading: Reading): object | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    if (value instanceof ReadableStream) return followWebStream(value, reading)
    if (value instanceof Response) return followResponse(value, reading)
    if (isNodeReadable(value)) return followNodeStream(value, reading)
    return followIterator(value, reading) ?? followIterable(value, reading)
  } catch {
    return undefined // it is frozen, or answers no questions
  }
}

type Method = (...args: unknown[]) => unknown
type Methods = Record<PropertyKey, unknown>

const STREAM_METHODS = ['getReader', 'cancel', 'pipeTo', 'pipeThrough', 'tee', 'values', Symbol.asyncIterator] as const
const BODY_METHODS = ['arrayBuffer', 'blob', 'bytes', 'clone', 'formData', 'json', 'text'] as const

function followWebStream(value: ReadableStream, reading: Reading): object | undefined {
  if (value.locked) return undefined
  if (Object.getPrototypeOf(value) === ReadableStream.prototype) return streamOver(value, reading)
  let inner: ReadableStream | undefined
  delegate(value, STREAM_METHODS, () => (inner ??= streamOver(value, reading)))
  return value
}

/** A stream that reads from another one when it is read itself, and not before. */
function streamOver(source: ReadableStream, reading: Reading): ReadableStream {
  const isOfBytes = takesBuffers(source)
  const reader = ReadableStream.prototype.getReader.call(source) as ReadableStreamDefaultReader
  let isLeft = false
  const pull = async (controller: ReadableStreamDefaultController | ReadableByteStreamController): Promise<void> => {
    try {
      let step = await reading.within(() => reader.read())
      // An empty chunk cannot be put into a stream of bytes.
      while (isOfBytes && !step.done && step.value.byteLength === 0) step = await reading.within(() => reader.read())
      if (isLeft) return
      if (!step.done) return controller.enqueue(step.value)
    } catch (thrown) {
      reading.fail(thrown)
      throw thrown
    }
    reading.end()
    controller.close()
    if ('byobRequest' in controller) controller.byobRequest?.respond(0)
  }
  const cancel = async (reason: unknown): Promise<void> => {
    isLeft = true
    try {
      await reading.within(() => reader.cancel(reason))
    } finally {
      reading.leave()
    }
  }
  return isOfBytes
    ? new ReadableStream({ type: 'bytes', pull, cancel }, { highWaterMark: 0 })
    : new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
}

function takesBuffers(stream: ReadableStream): boolean {
  try {
    const reader = ReadableStream.prototype.getReader.call(stream, { mode: 'byob' })
    reader.releaseLock()
    return true
  } catch {
    return false
  }
}

/** The body is read through another response, so that this one stays what it is. */
function followResponse(value: Response, reading: Reading): object | undefined {
  if (value.bodyUsed || !value.body || value.body.locked) return undefined
  const { status, statusText, headers, body } = value
  const init = { status, statusText, headers }
  new Response(undefined, init) // throws for a status that servers can send and nobody else may, before the body is taken
  const inner = new Response(streamOver(body, reading), init)
  delegate(value, BODY_METHODS, () => inner)
  for (const name of ['body', 'bodyUsed'] as const) {
    Object.defineProperty(value, name, { get: () => inner[name], configurable: true })
  }
  return value
}

interface NodeStream {
  once(event: string | symbol, listener: (...args: unknown[]) => void): unknown
  readonly readableEnded: boolean
  readonly destroyed: boolean
}

function isNodeReadable(value: object): value is NodeStream {
  return ['once', 'pipe', 'read', '_read'].every((name) => typeof (value as Methods)[name] === 'function')
}

function followNodeStream(stream: NodeStream, reading: Reading): object | undefined {
  if (stream.readableEnded || stream.destroyed) return undefined
  replace(
    stream,
    '_read',
    (original) =>
      (...args) =>
        reading.within(() => original.apply(stream, args)),
  )
  // Not as a listener of errors, which would keep an error that nobody handles from being thrown.
  stream.once(errorMonitor, (thrown) => (isAbort(thrown) ? reading.leave() : reading.fail(thrown)))
  stream.once('end', () => reading.end())
  stream.once('close', () => reading.leave())
  return stream
}

/** A stream that is destroyed before its end has this error where nobody gave another. */
function isAbort(thrown: unknown): boolean {
  return (thrown as { code?: unknown } | undefined)?.code === 'ABORT_ERR'
}

/** Follows generators, and other iterators that are asynchronous. What is iterated synchronously may be any collection. */
function followIterator(value: object, reading: Reading): object | undefined {
  const members = value as Methods
  const isIterator = typeof members.next === 'function'
  const isAsync = typeof members[Symbol.asyncIterator] === 'function'
  if (!isIterator || !(isAsync || Object.prototype.toString.call(value) === '[object Generator]')) return undefined
  followSteps(value, reading)
  return value
}

function followIterable(value: object, reading: Reading): object | undefined {
  if (typeof (value as Methods)[Symbol.asyncIterator] !== 'function') return undefined
  replace(value, Symbol.asyncIterator, (original) => () => {
    const iterator = reading.within(() => original.call(value)) as object
    followSteps(iterator, reading)
    return iterator
  })
  return value
}

/** Follows the steps of an iterator: `next` and `throw` until one is the last, and `return`, by which a reader leaves. */
function followSteps(iterator: object, reading: Reading): void {
  const members = iterator as Methods
  const follow =
    (original: Method, onDone: () => void) =>
    (...args: unknown[]) =>
      intercept(
        () => reading.within(() => original.apply(iterator, args)),
        (step) => (step as IteratorResult<unknown> | undefined)?.done === true && onDone(),
        (thrown) => reading.fail(thrown),
      )
  // A reader asks for `return` only where there is one.
  if (typeof members.return !== 'function') define(iterator, 'return', async (value) => ({ done: true, value }))
  replace(iterator, 'return', (original) => follow(original, () => reading.leave()))
  replace(iterator, 'next', (original) => follow(original, () => reading.end()))
  if (typeof members.throw === 'function')
    replace(iterator, 'throw', (original) => follow(original, () => reading.end()))
}

/** Calls a function that returns something or a promise of it, and reports either to the callbacks. */
function intercept(action: Method, onResult: (result: unknown) => void, onThrown: (thrown: unknown) => void): unknown {
  const thrownOn = (thrown: unknown): never => {
    onThrown(thrown)
    throw thrown
  }
  let result: unknown
  try {
    result = action()
  } catch (thrown) {
    return thrownOn(thrown)
  }
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') {
    onResult(result)
    return result
  }
  return Promise.resolve(result).then((value: unknown) => {
    onResult(value)
    return value
  }, thrownOn)
}

/** Lets the methods of an object be those of another one, which is made when it is first needed. */
function delegate(object: object, names: readonly PropertyKey[], inner: () => object): void {
  for (const name of names) {
    define(object, name, (...args) => ((inner() as Methods)[name] as Method).apply(inner(), args))
  }
}

function replace(object: object, name: PropertyKey, by: (original: Method) => Method): void {
  define(object, name, by((object as Methods)[name] as Method))
}

function define(object: object, name: PropertyKey, value: Method): void {
  Object.defineProperty(object, name, { value, configurable: true, writable: true, enumerable: false })
}
