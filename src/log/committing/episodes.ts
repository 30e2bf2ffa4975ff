import type { Timestamp } from '../../events/time.js'
import type { AuditLogHealth } from '../contract.js'

/** The parts of a log that can fail. */
export type Part = 'journal' | 'store'

interface Episode {
  readonly since: Timestamp
  readonly cause: unknown
}

/** The state of a log beside its failures. */
export interface LogState {
  readonly hasJournal: boolean
  readonly isClosed: boolean
  readonly checkpoints: AuditLogHealth['checkpoints']
  readonly index: AuditLogHealth['index']
}

/** The failures that go on just now, since when and why. */
export class Episodes {
  readonly #failing = new Map<Part, Episode>()

  /** A part fails; an episode that goes on keeps its beginning. */
  begin(part: Part, cause: unknown, now: Timestamp): void {
    this.#failing.set(part, { since: this.#failing.get(part)?.since ?? now, cause })
  }

  /** A part works. */
  end(part: Part): void {
    this.#failing.delete(part)
  }

  causeOf(part: Part): unknown {
    return this.#failing.get(part)?.cause
  }

  health(log: LogState): AuditLogHealth {
    const [first] = [...this.#failing.values()].sort((a, b) => (a.since < b.since ? -1 : 1))
    return {
      status: log.isClosed ? 'closed' : first ? 'failing' : 'ok',
      journal: !log.hasJournal ? 'off' : this.#failing.has('journal') ? 'failing' : 'ok',
      store: this.#failing.has('store') ? 'failing' : 'ok',
      checkpoints: log.checkpoints,
      index: log.index,
      ...(first ?? {}),
    }
  }
}
