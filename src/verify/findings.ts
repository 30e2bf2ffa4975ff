import type { RecordDamageKind } from './problem-kinds.js'
import type { SeqSpan } from './report.js'

/**
 * Kinds of damage that the content of a log shows. Only checkpoints and keys can say whose doing it is: whether an entry
 * that differs from its leaf hash was altered, or the leaf hash was.
 */
export type FindingKind = RecordDamageKind | 'leaf_mismatch'

/** One kind of damage, wherever it was found. Plain, so that one thread can send it to another. */
export interface Finding {
  readonly kind: FindingKind
  /** The number of times that it was found. */
  count: number
  /** The entries concerned, as far as they are known, joined where they adjoin: the first of them. */
  readonly spans: SeqSpan[]
  /** The damage in words: the first of them. */
  readonly details: string[]
}

/** Most spans and details of one finding: a log that is all wrong does not fill the memory. */
const MAX_SPANS = 100
const MAX_DETAILS = 10
/** Longest detail in characters: keys of any length may stand in one. */
const MAX_DETAIL_LENGTH = 1_000

/** Gathers findings in bounded memory. */
export class Findings {
  readonly #byKind = new Map<FindingKind, Finding>()

  get all(): readonly Finding[] {
    return [...this.#byKind.values()]
  }

  get(kind: FindingKind): Finding | undefined {
    return this.#byKind.get(kind)
  }

  add(kind: FindingKind, detail: string, span?: SeqSpan): void {
    const finding = this.#of(kind)
    finding.count += span ? span.to - span.from : 1
    if (span) addSpan(finding.spans, span)
    if (finding.details.length < MAX_DETAILS) finding.details.push(detail.slice(0, MAX_DETAIL_LENGTH))
  }

  merge(others: readonly Finding[]): void {
    for (const { kind, count, spans, details } of others) {
      const finding = this.#of(kind)
      finding.count += count
      for (const span of spans) addSpan(finding.spans, span)
      finding.details.push(...details.slice(0, MAX_DETAILS - finding.details.length))
    }
  }

  #of(kind: FindingKind): Finding {
    const known = this.#byKind.get(kind)
    if (known) return known
    const finding = { kind, count: 0, spans: [], details: [] }
    this.#byKind.set(kind, finding)
    return finding
  }
}

/** Adds positions to those of which the first stretches are kept, joined where they adjoin the last of them. */
export function addSpan(spans: SeqSpan[], span: SeqSpan): void {
  const last = spans.at(-1)
  if (last && span.from <= last.to && span.to >= last.from) {
    spans[spans.length - 1] = { from: Math.min(last.from, span.from), to: Math.max(last.to, span.to) }
  } else if (spans.length < MAX_SPANS) spans.push(span)
}
