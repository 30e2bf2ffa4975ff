import { type Context, type Span, trace } from '@opentelemetry/api'

/** On a span that the application has, the span that stands for it before the span processor. */
const MIRROR = Symbol('spanledger.mirror')

interface Mirrored {
  [MIRROR]?: Span
}

/** Returns the span of a context as the span processor knows it. */
export function spanIn(context: Context): Span | undefined {
  const span = trace.getSpan(context)
  return span && ((span as Mirrored)[MIRROR] ?? span)
}

/** Lets {@link spanIn} return `mirror` wherever a context carries `span`. */
export function setMirror(span: Span, mirror: Span): void {
  Object.defineProperty(span, MIRROR, { value: mirror, configurable: true })
}

/** Returns the span that stands for this one, if there is one. */
export function mirrorOf(span: Span): Span | undefined {
  return (span as Mirrored)[MIRROR]
}
