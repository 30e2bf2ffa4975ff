import type { Alteration } from '../../events/index.js'
import type { Conclusion } from '../conventions/contract.js'
import { isCutJson } from '../conventions/shared/cut-json.js'
import { hasDropped, type SpanLike } from '../span.js'
import type { Recognition } from './recognition.js'

/*
 * The parts that an SDK's limits have taken from a span: attributes beyond their number, the rest of a text beyond its
 * length. Where these may have said how something ended, the end is recorded by what is left, and says so.
 */

/** The way in which something was lost: with a dropped attribute, or behind the cut of a text. */
export type Loss = 'missing' | 'truncated'

/** Returns the loss of the attributes that say how a span ended; `undefined` where they are there, or never were. */
export function lossOfOutcome(span: SpanLike, { convention, activity }: Recognition): Loss | undefined {
  const keys = convention.decisive?.[activity.kind]
  if (keys)
    return cutIn(span, keys) ?? (hasDropped(span) && !keys.every((key) => has(span, key)) ? 'missing' : undefined)
  const needsNone = activity.kind === 'model' || activity.kind === 'step'
  return needsNone || !hasDropped(span) ? undefined : 'missing'
}

/** Returns the loss of what a call of a model consumed, whose span does not say it. */
export function lossOfUsage(span: SpanLike, { convention }: Recognition): Loss | undefined {
  return cutIn(span, convention.decisive?.usage ?? []) ?? (hasDropped(span) ? 'missing' : undefined)
}

function cutIn({ attributes }: SpanLike, keys: readonly string[]): 'truncated' | undefined {
  return keys.some((key) => isCutJson(attributes[key])) ? 'truncated' : undefined
}

function has({ attributes }: SpanLike, key: string): boolean {
  if (!key.endsWith('*')) return attributes[key] !== undefined
  return Object.keys(attributes).some((name) => name.startsWith(key.slice(0, -1)))
}

/**
 * A conclusion with the mark that it rests on a part of what was reported. An error stands in the status of a span, which is
 * never lost; and what shows that a run waits is there.
 */
export function inDoubt<T extends Conclusion>(ending: T, loss: Loss | undefined): T {
  if (!loss || ending.outcome === 'failed' || ending.outcome === 'suspended') return ending
  return {
    ...ending,
    confidence: ending.confidence ?? 'heuristic',
    altered: [...(ending.altered ?? []), lostAt('type', loss)],
  }
}

export function lostAt(field: string, reason: Loss): Alteration {
  return { field, reason }
}
