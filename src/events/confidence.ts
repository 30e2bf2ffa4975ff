/** What events may rest on that is no evidence, the stronger first. */
export const CONFIDENCES = ['heuristic', 'claimed'] as const

/**
 * What an event rests on. Absent: on evidence, that is on what the framework itself did. `heuristic`: on a guess at what
 * the framework did. `claimed`: on what a client of the application says, which nothing has checked.
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

/** Whether somebody only says so, and the framework did nothing that would bear it out. */
export function isClaim(confidence: string | undefined): boolean {
  return rank(confidence) >= rank('claimed')
}

interface Sourced {
  readonly source?: { readonly confidence?: unknown } | undefined
}

/** What an event that was read says of its confidence; `undefined` where it rests on evidence. */
export function confidenceOf({ source }: Sourced): string | undefined {
  const confidence = source?.confidence
  return typeof confidence === 'string' && confidence !== '' ? confidence : undefined
}

/** A name with the mark of its confidence, as people are to see it: `tool_approval_granted (claimed)`. */
export function marked(name: string, confidence: string | undefined): string {
  return confidence === undefined ? name : `${name} (${confidence})`
}
