const TRANSIENT = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'EINTR']

/**
 * Whether the system could not do something for a moment. What fails so is not missing, and must not be taken for what is
 * missing.
 */
export function isTransient(problem: unknown): boolean {
  return problem instanceof Error && 'code' in problem && TRANSIENT.includes(String(problem.code))
}
