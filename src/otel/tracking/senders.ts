import { createHash } from 'node:crypto'
import { RecentMap } from '../recent-map.js'

/** Ids of runs that are known to belong to a sender. */
const MAX_RUN_IDS = 8192
const MAX_DIGEST_LENGTH = 8

/**
 * Keeps apart what different senders deliver: each has ids of its own, so that two things are never one for having the same
 * id. What happens in this process is of the sender `''`.
 */
export class Senders {
  #current = ''
  /** The named sender that has used the id of a run first. */
  readonly #owners = new RecentMap<string, string>(MAX_RUN_IDS)

  /** The one whose word is translated just now. */
  get current(): string {
    return this.#current
  }

  /** Does something on the word of a sender. */
  as<T>(sender: string, action: () => T): T {
    const before = this.#current
    this.#current = sender
    try {
      return action()
    } finally {
      this.#current = before
    }
  }

  /** Returns a key for what the sender calls by an id. */
  keyOf(id: string): string {
    return this.#current === '' ? id : `${this.#current}\u0000${id}`
  }

  /**
   * Returns the id under which a run of the sender is recorded: its own, unless that is another's.
   *
   * @param isTaken - a run of this process has it
   */
  runIdOf(id: string, isTaken: (id: string) => boolean): string {
    if (this.#current === '') return id
    const owner = this.#owners.get(id)
    if (owner === this.#current || (owner === undefined && !isTaken(id))) return id
    return `${id}-${createHash('sha256').update(this.#current).digest('hex').slice(0, MAX_DIGEST_LENGTH)}`
  }

  /** A run of the sender begins under this id. */
  own(id: string): void {
    if (this.#current !== '' && this.#owners.get(id) === undefined) this.#owners.set(id, this.#current)
  }
}
