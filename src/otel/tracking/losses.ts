import type { Alteration } from '../../events/index.js'
import type { Activity, Conclusion } from '../conventions/contract.js'
import { isCutJson } from '../conventions/shared/cut-json.js'
import { hasDropped, type SpanLike } from '../span.js'
import type { Run } from './run.js'
import type { Claim } from './span-node.js'

/*
 * The parts that an SDK's limits have taken from a span: attributes beyond their number, the rest of a text beyond its length. Where
 * that may have told how something ended, the end is recorded by what is left, and says so.
 */

/** The way in which something was lost: with a dropped attribute, or behind the cut of a text. */
export type Loss = 'missing' | 'truncated'

/** Returns how the attributes were lost that tell how a span ended; `undefined` where they are there, or never were. */
export function lossOfOutcome(span: SpanLike, { convention, activity }: Claim): Loss | undefined {
  const keys = convention.decisive?.[activity.kind]
  if (keys)
    return cutIn(span, keys) ?? (hasDropped(span) && !keys.every((key) => has(span, key)) ? 'missing' : undefined)
  const isTold = activity.kind === 'model' || activity.kind === 'step'
  return isTold || !hasDropped(span) ? undefined : 'missing'
}

/** Returns how it was lost what a call of a model consumed, if its span does not tell. */
export function lossOfUsage(span: SpanLike, { convention }: Claim): Loss | undefined {
  return cutIn(span, convention.decisive?.usage ?? []) ?? (hasDropped(span) ? 'missing' : undefined)
}

function cutIn({ attributes }: SpanLike, keys: readonly string[]): 'truncated' | undefined {
  return keys.some((key) => isCutJson(attributes[key])) ? 'truncated' : undefined
}

function has({ attributes }: SpanLike, key: string): boolean {
  if (!key.endsWith('*')) return attributes[key] !== undefined
  return Object.keys(attributes).some((name) => name.startsWith(key.slice(0, -1)))
}

/** Notes what the end of a span leaves in doubt of the run around. A call of the model that is whole settles it: the run went on. */
export function noteDoubt(run: Run | undefined, kind: Activity['kind'], loss: Loss | undefined): void {
  if (run && (loss || kind === 'model')) run.doubt = loss
}

/**
 * A conclusion with the mark that it rests on a part of what was told. An error stands in the status of a span, which is
 * never lost; and what shows that a run waits is there.
 */
export function inDoubt<T extends Conclusion>(told: T, loss: Loss | undefined): T {
  if (!loss || told.outcome === 'failed' || told.outcome === 'suspended') return told
  return {
    ...told,
    confidence: told.confidence ?? 'heuristic',
    altered: [...(told.altered ?? []), lostAt('type', loss)],
  }
}

export function lostAt(field: string, reason: Loss): Alteration {
  return { field, reason }
}
