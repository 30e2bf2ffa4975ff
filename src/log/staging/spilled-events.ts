import { textOf } from '../../events/text.js'
import type { AuditEvent } from '../../events/types.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { recordBytes } from '../journal/journal-format.js'
import type { JournalSpan } from '../journal/journal-span.js'
import { spanOf } from '../journal/write-ahead.js'
import type { Staged } from './staged.js'
import type { StagingJournal } from './staging-journal.js'

/** Bytes of the journal that are read back at a time. */
export const READ_BYTES: number = 1024 * 1024

/** Consecutive records that are read back together. */
interface Stretch extends JournalSpan {
  readonly bytes: number
  readonly count: number
}

/** The staged events that are in the journal alone, the oldest first. */
export class SpilledEvents {
  #stretches: Stretch[] = []
  #count = 0
  /** Leaf hashes of the statements: they tell them from what somebody else put into the journal. */
  readonly #statements = new Set<string>()

  get count(): number {
    return this.#count
  }

  /** Adds an event that is in the journal. @param to - end of its record */
  add({ entry, statement }: Staged, to: JournalPosition): void {
    if (statement) this.#statements.add(hashText(entry))
    const { from } = spanOf(entry, to)
    const last = this.#stretches.at(-1)
    const bytes = recordBytes(entry)
    const continues = last && last.to.segment === from.segment && last.to.offset === from.offset
    if (continues && last.bytes < READ_BYTES) {
      this.#stretches[this.#stretches.length - 1] = {
        from: last.from,
        to,
        bytes: last.bytes + bytes,
        count: last.count + 1,
      }
    } else this.#stretches.push({ from, to, bytes, count: 1 })
    this.#count++
  }

  /** Reads the oldest events back, and removes them; none when there are none. @throws what reading throws */
  async take(journal: StagingJournal): Promise<readonly Staged[]> {
    const [oldest] = this.#stretches
    if (!oldest) return []
    const entries = await journal.read(oldest)
    this.#stretches.shift()
    this.#count -= oldest.count
    return entries.map((entry) => ({ entry, statement: this.#statementIn(entry) }))
  }

  /** Removes all of them: their journal is gone. */
  clear(): void {
    this.#stretches = []
    this.#count = 0
  }

  #statementIn(entry: SealedEntry): AuditEvent | undefined {
    if (!this.#statements.has(hashText(entry))) return undefined
    // Attacker-controlled: a record read back from a file; only what has the leaf hash of an own statement is parsed.
    return JSON.parse(textOf(entry.bytes)) as AuditEvent
  }
}

function hashText({ leafHash }: SealedEntry): string {
  return Buffer.from(leafHash).toString('base64')
}
