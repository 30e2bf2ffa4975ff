import { diag, type Span } from '@opentelemetry/api'
import { setMirror } from '../mirrored.js'

const TOLD = [
  'setAttribute',
  'setAttributes',
  'addEvent',
  'addLink',
  'addLinks',
  'setStatus',
  'updateName',
  'recordException',
  'end',
] as const

type Methods = Record<string, (...args: unknown[]) => unknown>

/**
 * Lets a span that is no SDK's tell another one all that it is told. The application keeps its very span, with the ids
 * that it has; a method that calls another of its own is told once. What the span answers stays as it is, but for
 * `isRecording`: there are instrumentations that tell nothing to a span that does not record.
 */
export function mirror(span: Span, shadow: Span): void {
  let isInside = false
  const target = span as unknown as Methods
  for (const name of TOLD) {
    const original = target[name]
    if (typeof original !== 'function') continue
    define(span, name, function told(this: unknown, ...args) {
      if (isInside) return original.apply(this, args)
      isInside = true
      try {
        return original.apply(this, args)
      } finally {
        isInside = false
        tell(shadow, name, args)
      }
    })
  }
  define(span, 'isRecording', () => shadow.isRecording())
  setMirror(span, shadow)
}

/** Calls `onEnd` once, when the span has ended. */
export function hearEnd(span: Span, onEnd: () => void): void {
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

function tell(shadow: Span, name: string, args: unknown[]): void {
  try {
    ;(shadow as unknown as Methods)[name]?.(...args)
  } catch (problem) {
    diag.error('spanledger:', problem)
  }
}

function define(span: Span, name: string, value: (...args: unknown[]) => unknown): void {
  Object.defineProperty(span, name, { value, configurable: true, writable: true, enumerable: false })
}
