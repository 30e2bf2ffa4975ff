import { AuditLogError } from '../events/errors.js'
import { CommandFailed } from './command.js'
import { EXIT } from './exit-codes.js'
import { UsageError } from './usage-error.js'

/** The exit code for what made a command fail. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof CommandFailed) return error.exitCode ?? causeCode(error) ?? EXIT.failed
  if (!(error instanceof AuditLogError)) return causeCode(error) ?? EXIT.failed
  const known = BY_CODE[error.code]
  if (known !== undefined) return known
  const byCause = causeCode(error)
  // If the log exists and a part of it is missing, the input is not missing.
  const isInput = error.code === 'AUDIT_OPEN_FAILED' || byCause !== EXIT.noInput
  return (isInput ? byCause : undefined) ?? FALLBACKS[error.code] ?? EXIT.failed
}

const BY_CODE: { readonly [code: string]: number | undefined } = {
  AUDIT_QUERY_INVALID: EXIT.usage,
  AUDIT_EVENT_INVALID: EXIT.usage,
  AUDIT_PACKAGE_MISSING: EXIT.unavailable,
  AUDIT_LOG_LOCKED: EXIT.exhausted,
  AUDIT_LOG_FULL: EXIT.exhausted,
  AUDIT_LOG_CORRUPT: EXIT.failed,
}

/** Exit codes for errors whose cause does not determine one. */
const FALLBACKS: { readonly [code: string]: number | undefined } = {
  AUDIT_OPEN_FAILED: EXIT.noInput,
  AUDIT_READ_FAILED: EXIT.inputOutput,
  AUDIT_WRITE_FAILED: EXIT.inputOutput,
}

const BY_ERRNO: { readonly [errno: string]: number | undefined } = {
  ENOENT: EXIT.noInput,
  ENOTDIR: EXIT.noInput,
  EACCES: EXIT.noPermission,
  EPERM: EXIT.noPermission,
  EEXIST: EXIT.cannotCreate,
  EROFS: EXIT.cannotCreate,
  EMFILE: EXIT.exhausted,
  ENFILE: EXIT.exhausted,
  ENOMEM: EXIT.exhausted,
  ENOSPC: EXIT.exhausted,
  EDQUOT: EXIT.exhausted,
  EAGAIN: EXIT.exhausted,
  ECONNREFUSED: EXIT.unavailable,
  ECONNRESET: EXIT.unavailable,
  ENOTFOUND: EXIT.unavailable,
  ETIMEDOUT: EXIT.unavailable,
  ERR_WORKER_OUT_OF_MEMORY: EXIT.exhausted,
  ERR_WORKER_INIT_FAILED: EXIT.exhausted,
  ERR_MEMORY_ALLOCATION_FAILED: EXIT.exhausted,
}

/** LevelDB reports errors of the operating system in words only (strerror). */
const BY_WORDS: readonly (readonly [RegExp, number])[] = [
  [/Permission denied|Operation not permitted/, EXIT.noPermission],
  [
    /Too many open files|No space left|quota exceeded|Cannot allocate memory|out of memory|allocation failed/i,
    EXIT.exhausted,
  ],
  [/Input\/output error/, EXIT.inputOutput],
]

/**
 * Returns the exit code for what the operating system reported, in the error or in the first of its causes that has it.
 */
function causeCode(error: unknown): number | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < MAX_CAUSES; cause = cause.cause, depth++) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    // No directory for temporary files: nothing that was asked for is missing.
    if (syscall === 'mkdtemp') return EXIT.exhausted
    const known = code === undefined ? undefined : BY_ERRNO[code]
    if (known !== undefined) return known
    const { message } = cause
    const byWords = BY_WORDS.find(([words]) => words.test(message))
    if (byWords) return byWords[1]
    if (syscall !== undefined) return EXIT.inputOutput
  }
  return undefined
}

const MAX_CAUSES = 8
