import { beginning } from '../../events/text.js'
import type { Alteration } from '../../events/types.js'

/** UTF-8 bytes that the list of alterations may take of an entry. */
const MAX_ALTERED_BYTES = 8192
/** UTF-16 code units of a member's path. */
const MAX_FIELD_LENGTH = 256

/** Collects how an event's stored form differs from what was handed in. */
export class Alterations {
  readonly #list: Alteration[] = []
  readonly #seen = new Set<string>()
  #bytes = 0

  /** Notes a change; one that is noted already keeps the length it had first. */
  add(field: string, reason: Alteration['reason'], originalLength?: number, by?: string): void {
    const identity = `${reason} ${field} ${by ?? ''}`
    if (this.#seen.has(identity)) return
    this.#seen.add(identity)
    const alteration: Alteration = {
      field: beginning(field, MAX_FIELD_LENGTH),
      reason,
      ...(by === undefined ? {} : { by }),
      ...(originalLength === undefined ? {} : { originalLength }),
    }
    const bytes = Buffer.byteLength(JSON.stringify(alteration)) + 1
    if (this.#bytes + bytes > MAX_ALTERED_BYTES) return
    this.#bytes += bytes
    this.#list.push(alteration)
  }

  /** The changes. Where the list itself had to be cut, its last item says so, with the number of all changes. */
  list(): Alteration[] {
    if (this.#list.length === this.#seen.size) return this.#list
    return [...this.#list, { field: 'altered', reason: 'truncated', originalLength: this.#seen.size }]
  }
}
