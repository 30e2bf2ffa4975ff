import { parseCheckpoint, parseNote } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { Problems } from '../problems.js'

const SIGNATURE = '\u2014 '

/**
 * Splits a text into the signed notes that it holds one behind the other, as `cat` joins the files of several logs.
 * A text that holds none comes back as it is.
 */
export function splitNotes(text: string): readonly string[] {
  const notes: string[] = []
  let note: string[] = []
  let isSigned = false
  for (const line of text.split(/(?<=\n)/)) {
    const isSignature = line.startsWith(SIGNATURE)
    if (isSigned && !isSignature) {
      notes.push(note.join(''))
      note = []
      isSigned = false
    }
    // A blank line between two notes belongs to neither.
    if (note.length === 0 && line === '\n' && notes.length > 0) continue
    isSigned ||= isSignature
    note.push(line)
  }
  if (note.length > 0) notes.push(note.join(''))
  return notes
}

/** Checkpoints that were kept elsewhere, handed to the logs whose origin they state. */
export class CheckpointsByOrigin {
  readonly #byOrigin = new Map<string, string[]>()
  readonly #taken = new Set<string>()

  /** Adds a problem for each checkpoint that is malformed. */
  constructor(notes: readonly string[], problems: Problems) {
    for (const note of notes) {
      try {
        const { origin } = parseCheckpoint(parseNote(note).text)
        this.#byOrigin.set(origin, [...(this.#byOrigin.get(origin) ?? []), note])
      } catch (error) {
        if (!(error instanceof AuditLogError)) throw error
        problems.add('altered', 'checkpoint_altered', `a checkpoint given is malformed: ${error.message}`)
      }
    }
  }

  take(origin: string | undefined): readonly string[] {
    if (origin === undefined) return []
    this.#taken.add(origin)
    return this.#byOrigin.get(origin) ?? []
  }

  /** Adds a problem for the checkpoints of each log that is not there. */
  addLeft(problems: Problems): void {
    for (const [origin, notes] of this.#byOrigin) {
      if (this.#taken.has(origin)) continue
      const message = `a checkpoint given is of the log '${origin}', which is not in the ledger`
      problems.add('unknown_key', 'key_unknown', message, { count: notes.length })
    }
  }
}
