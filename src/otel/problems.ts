import { diag } from '@opentelemetry/api'

/** Tells of a problem that is not to harm the application. */
export function reportProblem(problem: unknown): void {
  diag.error('spanledger:', problem)
}

/** Runs an action, and reports what it throws. */
export function safely(action: () => void): void {
  try {
    action()
  } catch (problem) {
    reportProblem(problem)
  }
}

/** Waits for all, and reports what failed. Never rejects. */
export async function tried(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') reportProblem(result.reason)
  }
}

/** Waits for all, then throws what failed. */
export async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const problems = (await Promise.allSettled(promises)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  if (problems.length === 1) throw problems[0]
  if (problems.length > 1) throw new AggregateError(problems, 'Several audit logs failed')
}
