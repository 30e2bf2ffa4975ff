import { parseCheckpoint, parseNote } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'

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

/** Checkpoints that were given, sorted to the logs whose origin they state. */
export class CheckpointsByOrigin {
  /** The reasons why checkpoints are malformed. */
  readonly malformed: readonly string[]
  readonly #byOrigin = new Map<string, string[]>()
  readonly #taken = new Set<string>()

  // Attacker-controlled: checkpoints from a file; `parseNote` and `parseCheckpoint` bound and check them.
  constructor(notes: readonly string[]) {
    const malformed: string[] = []
    for (const note of notes) {
      try {
        const { origin } = parseCheckpoint(parseNote(note).text)
        this.#byOrigin.set(origin, [...(this.#byOrigin.get(origin) ?? []), note])
      } catch (error) {
        if (!(error instanceof AuditLogError)) throw error
        malformed.push(error.message)
      }
    }
    this.malformed = malformed
  }

  /** Returns the checkpoints of a log that is there. */
  take(origin: string | undefined): readonly string[] {
    if (origin === undefined) return []
    this.#taken.add(origin)
    return this.#byOrigin.get(origin) ?? []
  }

  /** Returns the origins that no log took, and how many checkpoints state each. */
  get left(): ReadonlyMap<string, number> {
    const left = [...this.#byOrigin].filter(([origin]) => !this.#taken.has(origin))
    return new Map(left.map(([origin, notes]) => [origin, notes.length]))
  }
}
