import { isError } from '../events/is-error.js'

const TRANSIENT = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'EINTR']

/**
 * Tells whether the system failed only for a moment. A file that cannot be read for this reason must not be taken for a
 * missing one.
 */
export function isTransient(problem: unknown): boolean {
  return isError(problem) && 'code' in problem && TRANSIENT.includes(String(problem.code))
}
