/** Grounds of an event other than evidence, the stronger first. */
export const CONFIDENCES = ['heuristic', 'claimed'] as const

/**
 * The basis of an event: how certain it is. Absent: evidence, which is what the framework itself did. `heuristic`: a
 * guess at what the framework did. `claimed`: the word of a client of the application, which nothing has checked.
 */
export type Confidence = (typeof CONFIDENCES)[number]

/**
 * The confidence of what rests on several grounds: that of the weakest. Evidence is the strongest, a claim the weakest; a
 * word that this version does not know, as a later one may write it, is weaker still.
 */
export function weakest<C extends string>(...grounds: readonly (C | undefined)[]): C | undefined {
  return grounds.reduce((weaker, ground) => (rank(ground) > rank(weaker) ? ground : weaker), undefined)
}

function rank(confidence: string | undefined): number {
  if (confidence === undefined) return -1
  const known = (CONFIDENCES as readonly string[]).indexOf(confidence)
  return known < 0 ? CONFIDENCES.length : known
}

/** Tells whether an event is only claimed: the framework did nothing that confirms it. */
export function isClaim(confidence: string | undefined): boolean {
  return rank(confidence) >= rank('claimed')
}

interface Sourced {
  readonly source?: { readonly confidence?: unknown } | undefined
}

/** Returns the confidence of an event that was read; `undefined` when the event rests on evidence. */
export function confidenceOf({ source }: Sourced): string | undefined {
  const confidence = source?.confidence
  return typeof confidence === 'string' && confidence !== '' ? confidence : undefined
}

/** A name with the mark of its confidence, as people are to see it: `tool_approval_granted (claimed)`. */
export function marked(name: string, confidence: string | undefined): string {
  return confidence === undefined ? name : `${name} (${confidence})`
}
