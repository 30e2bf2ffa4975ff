import type { SeqSpan } from './report.js'

/**
 * Returns the positions of the entries whose removal a statement records.
 *
 * Attacker-controlled: the data of any entry; nothing of it is believed.
 */
type ReadRemovals = (data: unknown) => readonly SeqSpan[]

/**
 * The types of the log's own statements that record the removal of entries. There is none yet, so that each mark of a
 * removal is the work of whoever altered the log.
 */
const REMOVAL_TYPES: Readonly<Record<string, ReadRemovals>> = {}

/** The fields of an event by which a statement of a removal is known. */
export interface RemovingEvent {
  readonly type?: unknown
  readonly statementOf?: unknown
  readonly data?: unknown
}

/**
 * Returns those of the positions of which an entry does not record the removal. An entry does where it is a statement of the
 * log itself.
 *
 * @param event - of the entry; `undefined` where it is missing, removed or no event
 * @param origins - names of the log; `undefined` where they are not known: then each statement counts as its own
 */
export function unrecordedRemovals(
  seqs: readonly number[],
  event: RemovingEvent | undefined,
  origins: readonly string[] | undefined,
  types: Readonly<Record<string, ReadRemovals>> = REMOVAL_TYPES,
): readonly number[] {
  const { type, statementOf, data } = event ?? {}
  const isOwn = typeof statementOf === 'string' && origins?.includes(statementOf) !== false
  const read = isOwn && typeof type === 'string' && Object.hasOwn(types, type) ? types[type] : undefined
  if (!read) return seqs
  const recorded = read(data)
  return seqs.filter((seq) => !recorded.some(({ from, to }) => seq >= from && seq < to))
}
