import { constants } from 'node:os'
import type { VerifyStatus } from '../verify/report.js'

/** Exit codes of `verify` by status. Nothing but a verdict ends with one of these. */
export const VERDICTS: Readonly<Record<VerifyStatus, number>> = {
  verified: 0,
  truncated: 2,
  incomplete: 3,
  unknown_key: 4,
  altered: 5,
  unproven: 6,
}

/** Exit codes of everything that is not a verdict, after sysexits.h. 1 is never used: a crash of Node.js ends with it. */
export const EXIT = {
  success: 0,
  /** The command line is wrong (EX_USAGE). */
  usage: 64,
  /** There is no log, or no such file (EX_NOINPUT). */
  noInput: 66,
  /** A package or a server is not available (EX_UNAVAILABLE). */
  unavailable: 69,
  /** The command failed; its message says why (EX_SOFTWARE). */
  failed: 70,
  /** The operating system refused a process (EX_OSERR). */
  system: 71,
  /** The output cannot be created (EX_CANTCREAT). */
  cannotCreate: 73,
  /** Reading or writing failed (EX_IOERR). */
  inputOutput: 74,
  /** Memory, descriptors, disk space or the temporary directory ran out: try again (EX_TEMPFAIL). */
  exhausted: 75,
  /** A file may not be read or written (EX_NOPERM). */
  noPermission: 77,
  /** SIGINT, as shells have it. */
  interrupted: 130,
} as const

/** The lowest code that is no verdict. */
export const FIRST_FAILURE = EXIT.usage

/** The exit code of a command that a signal ended, as shells have it: 128 and the number of the signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
