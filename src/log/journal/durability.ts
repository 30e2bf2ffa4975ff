import { wholeNumberOption } from '../../events/options.js'

/** The ways in which a log keeps events until they are committed. */
export const DURABILITIES = ['journal', 'journal-behind', 'flush-only'] as const
/** The moment at which a recorded event survives the death of the process. */
export type Durability = (typeof DURABILITIES)[number]

/** @see AuditLogOptions.journalWindowBytes */
const DEFAULT_JOURNAL_WINDOW_BYTES: number = 1024 * 1024
/** More than the largest record takes. */
const MIN_JOURNAL_WINDOW_BYTES = 128 * 1024
/** A file of the journal has as much: so at most two of them are written at a time. */
const MAX_JOURNAL_WINDOW_BYTES = 16 * 1024 * 1024

/**
 * Checks the window of a journal that a thread writes.
 *
 * @throws TypeError when it is out of bounds, or the journal is not written by a thread
 */
export function journalWindowOption(of: string, bytes: number | undefined, durability: Durability): number {
  if (bytes !== undefined && durability !== 'journal-behind') {
    throw new TypeError(`${of}: journalWindowBytes goes with durability 'journal-behind'`)
  }
  return wholeNumberOption(of, 'journalWindowBytes', bytes, {
    fallback: DEFAULT_JOURNAL_WINDOW_BYTES,
    min: MIN_JOURNAL_WINDOW_BYTES,
    max: MAX_JOURNAL_WINDOW_BYTES,
  })
}
