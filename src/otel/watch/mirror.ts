import { diag, type Span } from '@opentelemetry/api'
import { setMirror } from '../mirrored.js'

/** The calls that say something of a span. */
const REPEATED = [
  'setAttribute',
  'setAttributes',
  'addEvent',
  'addLink',
  'addLinks',
  'setStatus',
  'updateName',
  'recordException',
  'end',
] as const satisfies readonly (keyof Span)[]

/**
 * Repeats every call on a span that is no SDK's on its shadow. The application keeps its very span, with the ids
 * that it has; a method that calls another of its own is repeated once. What the span answers stays as it is, but for
 * `isRecording`: there are instrumentations that say nothing to a span that does not record.
 */
export function mirror(span: Span, shadow: Span): void {
  let isInside = false
  for (const name of REPEATED) {
    // A span of an older API has not all of them.
    const original: unknown = Reflect.get(span, name)
    if (typeof original !== 'function') continue
    define(span, name, function repeated(this: unknown, ...args) {
      if (isInside) return Reflect.apply(original, this, args)
      isInside = true
      try {
        return Reflect.apply(original, this, args)
      } finally {
        isInside = false
        repeat(shadow, name, args)
      }
    })
  }
  define(span, 'isRecording', () => shadow.isRecording())
  setMirror(span, shadow)
}

/** Calls `onEnd` once, when the span has ended. */
export function onceEnded(span: Span, onEnd: () => void): void {
  const original = span.end
  let hasEnded = false
  define(span, 'end', function end(this: unknown, ...args) {
    try {
      return Reflect.apply(original, this, args)
    } finally {
      if (!hasEnded) {
        hasEnded = true
        onEnd()
      }
    }
  })
}

function repeat(shadow: Span, name: keyof Span, args: readonly unknown[]): void {
  try {
    Reflect.apply(shadow[name], shadow, args)
  } catch (problem) {
    diag.error('spanledger:', problem)
  }
}

function define(span: Span, name: keyof Span, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(span, name, { value, configurable: true, writable: true, enumerable: false })
}
