import {
  type Context,
  context as contexts,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Span,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { activeContext, runIn } from '../../record/flow.js'
import type { InstrumentationScope } from '../span.js'
import { reveal } from './reveal.js'
import { isSeen, watchers } from './watchers.js'

const WATCHED = Symbol('spanledger.watched')
type Work = (span: Span) => unknown

/**
 * Lets every span that the tracer starts be seen by the processors of this process. The tracer stays the same object.
 *
 * @returns the tracer; one that stands for it where it cannot be changed
 */
export function watchTracer(tracer: Tracer, named: InstrumentationScope): Tracer {
  if (WATCHED in tracer) return tracer
  const scope = (tracer as { instrumentationScope?: InstrumentationScope }).instrumentationScope ?? named
  if (!Object.isExtensible(tracer)) return patch(Object.create(tracer) as Tracer, tracer, scope)
  try {
    return patch(tracer, tracer, scope)
  } catch {
    return patch(Object.create(tracer) as Tracer, tracer, scope)
  }
}

function patch(watched: Tracer, tracer: Tracer, scope: InstrumentationScope): Tracer {
  const { startSpan, startActiveSpan } = tracer
  let starts = 0
  const started = (name: string, options: SpanOptions | undefined, context: Context) => ({
    name,
    options,
    context,
    scope,
  })
  define(watched, 'startSpan', function (this: Tracer, name: string, options?: SpanOptions, context?: Context): Span {
    starts++
    const span = startSpan.call(tracer, name, options, context)
    return isSeen(span) ? span : reveal(span, started(name, options, context ?? contexts.active()))
  })
  // A tracer may call its own `startSpan` for an active span, or do something else: the first time tells.
  define(watched, 'startActiveSpan', function (this: Tracer, name: string, ...rest: unknown[]): unknown {
    const work = rest.at(-1) as Work
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined
    const outer = (rest.length > 2 ? (rest[1] as Context | undefined) : undefined) ?? contexts.active()
    const startsBefore = starts
    const inner = (span: Span): unknown => {
      if (starts !== startsBefore) delete (watched as Partial<Tracer>).startActiveSpan
      if (isSeen(span)) return work(span)
      const shown = reveal(span, started(name, options, outer))
      return shown === span
        ? work(span)
        : contexts.with(trace.setSpan(contexts.active(), shown), work, undefined, shown)
    }
    return Reflect.apply(startActiveSpan, this, [name, ...rest.slice(0, -1), inner])
  })
  define(watched, WATCHED, true)
  return watched
}

function define(tracer: Tracer, name: PropertyKey, value: unknown): void {
  Object.defineProperty(tracer, name, { value, configurable: true, writable: true, enumerable: false })
}

/**
 * Stands for a tracer of a provider that is not registered yet: its spans are those of an application without a provider,
 * with the processors of this process looking on. Once there is a provider, they are that provider's.
 */
export class AwaitedTracer implements Tracer {
  readonly name: string
  readonly version: string | undefined
  readonly #find: () => Tracer | undefined
  #found: Tracer | undefined = undefined

  constructor({ name, version }: InstrumentationScope, find: () => Tracer | undefined) {
    this.name = name
    this.version = version
    this.#find = find
  }

  startSpan(name: string, options?: SpanOptions, given?: Context): Span {
    const tracer = this.#tracer()
    if (tracer) return tracer.startSpan(name, options, given)
    const context = given ?? activeContext()
    const span = passedOn(options, context)
    return watchers.length === 0 ? span : reveal(span, { name, options, context, scope: this })
  }

  startActiveSpan<F extends Work>(name: string, ...rest: unknown[]): ReturnType<F> {
    const tracer = this.#tracer()
    if (tracer) return Reflect.apply(tracer.startActiveSpan, tracer, [name, ...rest])
    const work = rest.at(-1) as F
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined
    const outer = (rest.length > 2 ? (rest[1] as Context | undefined) : undefined) ?? activeContext()
    const span = this.startSpan(name, options, outer)
    return runIn(trace.setSpan(outer, span), () => work(span)) as ReturnType<F>
  }

  #tracer(): Tracer | undefined {
    this.#found ??= this.#find()
    return this.#found
  }
}

/** A span as the API makes it without a provider: it passes on the ids of its parent. */
function passedOn(options: SpanOptions | undefined, context: Context): Span {
  const parent = options?.root ? undefined : trace.getSpanContext(context)
  return trace.wrapSpanContext(parent && isSpanContextValid(parent) ? parent : INVALID_SPAN_CONTEXT)
}
