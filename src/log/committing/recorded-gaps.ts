import { textOf } from '../../events/text.js'
import type { AuditEvent } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import type { LogEmitter } from '../log-emitter.js'

/** Gets the entries of each commit, and the origin of the log. */
export type CommitObserver = (entries: readonly SealedEntry[], origin: string) => void

/** Returns an observer that emits `gap` for each `events_dropped` statement which a commit stores. */
export function gapEmitter(emitter: LogEmitter, location: string): CommitObserver {
  return (entries, origin) => {
    if (!emitter.has('gap')) return
    for (const { event, bytes } of entries) {
      if (event.type !== 'events_dropped') continue
      // Attacker-controlled: recovery has it from a journal, and has found it to be an event; listeners get its data as it is.
      const { statementOf, data } = JSON.parse(textOf(bytes)) as AuditEvent<'events_dropped'>
      // A statement of another log that a caller has recorded is none of this one's.
      if (statementOf === origin) emitter.emit('gap', { ...data, location })
    }
  }
}
