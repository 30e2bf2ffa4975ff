import { type Attributes, type Context, context, type Span, type TimeInput, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { type ReadableSpan, type Sampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { onTestFinished } from 'vitest'
import { type RecordListener, recordListeners } from '../../src/record/listeners.js'

/** A context manager, and nothing that records spans. Undone when the test has finished. */
export function withContextManager(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  onTestFinished(() => context.disable())
}

/** A real SDK with a context manager. Undone when the test has finished. @returns the spans that end, as they do */
export function startSdk(sampler?: Sampler): ReadableSpan[] {
  withContextManager()
  const ended: ReadableSpan[] = []
  const processor = {
    onStart: () => {},
    onEnd: (span: ReadableSpan) => ended.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  trace.setGlobalTracerProvider(new TracerProvider({ ...(sampler && { sampler }), spanProcessors: [processor] }))
  onTestFinished(() => trace.disable())
  return ended
}

export interface Heard {
  readonly name: string
  readonly attributes: Attributes
  readonly time: TimeInput | undefined
  readonly context: Context
}

/** Takes down what it is told. */
export class FakeListener implements RecordListener {
  readonly heard: Heard[] = []
  readonly #hears: (span: Span) => boolean

  constructor(hears: (span: Span) => boolean) {
    this.#hears = hears
  }

  hears(span: Span): boolean {
    return this.#hears(span)
  }

  onRecord(name: string, attributes: Attributes, time: TimeInput | undefined, context: Context): void {
    this.heard.push({ name, attributes, time, context })
  }

  get names(): string[] {
    return this.heard.map(({ name }) => name)
  }
}

/** Registers a listener until the test has finished. */
export function listen<L extends RecordListener>(listener: L): L {
  recordListeners().add(listener)
  onTestFinished(() => {
    recordListeners().delete(listener)
  })
  return listener
}

/** A listener that hears no span through the span itself. */
export function listenDirectly(): FakeListener {
  return listen(new FakeListener(() => false))
}
