import { DirectoryLedgerReader } from '../reader/open.js'
import type { ReadLog } from './command.js'
import type { Arguments } from './options.js'
import { UsageError } from './usage-error.js'

/** The operand of the commands that are about one entry. */
export const ENTRY_OPERAND = '[DIR] SEQ'

/** Reads {@link ENTRY_OPERAND}. @throws UsageError */
export function entryNamed(
  command: string,
  { positionals }: Arguments,
): { readonly seq: number; readonly directory: string | undefined } {
  const asked = positionals.at(-1) ?? ''
  const [directory, ...more] = positionals.slice(0, -1)
  if (!/^\d{1,15}$/.test(asked) || more.length > 0) throw new UsageError(`${command}: name one entry, by its seq`)
  return { seq: Number(asked), directory }
}

/** A position is one of one log. @throws UsageError where there are several */
export function requireOneLog(command: string, log: ReadLog): void {
  if (!(log instanceof DirectoryLedgerReader) || log.logs.size <= 1) return
  const numbers = [...log.logs.keys()].join(', ')
  throw new UsageError(
    `${command}: there are the logs ${numbers}, and each has entries of its own: name one with --log-number`,
  )
}
