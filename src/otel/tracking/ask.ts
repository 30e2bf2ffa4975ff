/** Asks a convention: one that throws is reported, and counts as one that does not know. */
export type Ask = <T>(question: () => T) => T | undefined

/** @param onProblem - takes what a convention throws */
export function askReporting(onProblem: (problem: unknown) => void): Ask {
  return (question) => {
    try {
      return question()
    } catch (problem) {
      onProblem(problem)
      return undefined
    }
  }
}
