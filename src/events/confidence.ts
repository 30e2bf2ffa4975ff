/** What events may rest on that is no evidence, the stronger first. */
export const CONFIDENCES = ['heuristic', 'claimed'] as const

/**
 * What an event rests on. Absent: on evidence, that is on what the framework itself did. `heuristic`: on a guess at what
 * the framework did. `claimed`: on what a client of the application says, which nothing has checked.
 */
export type Confidence = (typeof CONFIDENCES)[number]

/** The confidence of a fact that rests on several grounds: that of the weakest. Evidence is the strongest, a claim the weakest. */
export function weakest(...grounds: readonly (Confidence | undefined)[]): Confidence | undefined {
  return CONFIDENCES.findLast((confidence) => grounds.includes(confidence))
}
