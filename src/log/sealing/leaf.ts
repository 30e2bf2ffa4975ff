import { toolNameOf } from '../../events/tool-name.js'
import type { AuditEvent } from '../../events/types.js'
import type { CallerId, FiledEvent, SealedContent, SealedEntry, WithRunFacts } from '../../store/contract.js'
import { type RunFacts, runFactsOf } from '../../store/runs/run-facts.js'
import { HASH_BYTES, LEAF_PREFIX, sha256 } from '../../tree/index.js'
import type { Draft } from './envelope.js'
import { EventBytes } from './event-bytes.js'
import { MAX_UNIT_BYTES } from './json-bytes.js'
import { MAX_ENTRY_BYTES } from './plain.js'
import type { Scope } from './scopes.js'

/*
 * Entries are encoded one behind the other, each behind the head of its journal record, so that nothing is copied on its
 * way into the journal:
 *
 *   slab  │ length 4 │ leaf hash 32 │ MAC 16 │ entry bytes │ length 4 │ …
 *                                          └┬─────────────┘
 *                             zero, the prefix that the leaf hash needs
 *
 * The journal writes the length and the MAC.
 */

/** Entries share blocks of memory of this size. */
const SLAB_BYTES = 256 * 1024
/** An entry that may take more gets memory of its own, so that the rest of a slab is never wasted on that. */
const MAX_SHARED_BYTES = 16 * 1024

/** The position of the leaf hash in the head of a record. */
export const LEAF_HASH_OFFSET = 4
/** Bytes of the head of a record. */
export const RECORD_HEAD_BYTES: number = LEAF_HASH_OFFSET + HASH_BYTES + 16

/** The memory of one encoded entry. */
interface EncodedRegion {
  readonly slab: Buffer
  /** The position of the entry's record in the slab. */
  readonly recordStart: number
  /** The position behind the entry's bytes. */
  readonly end: number
}

/** An entry where it was encoded: what it is filed by is all that is kept of its event, and there is no object for its bytes. */
export class EncodedEntry implements SealedEntry, FiledEvent, WithRunFacts {
  readonly slab: Buffer
  /** The position of the entry's record in the slab. */
  readonly recordStart: number
  readonly byteLength: number
  readonly callerId: boolean
  readonly type: FiledEvent['type']
  readonly time: string
  readonly toolName: string | undefined
  readonly supersedes: string | undefined
  readonly run: RunFacts | undefined
  readonly scope: Scope
  /** Sealed once the leaf hash is known, before the entry is written anywhere. */
  content: readonly SealedContent[] | undefined = undefined
  readonly #chosenId: string | undefined

  /** @param region - read at once: the encoder uses the object again */
  constructor({ slab, recordStart, end }: EncodedRegion, draft: Draft, scope: Scope, callerId: boolean) {
    this.slab = slab
    this.recordStart = recordStart
    this.byteLength = end - recordStart - RECORD_HEAD_BYTES
    this.callerId = callerId
    this.type = draft.type as FiledEvent['type']
    this.time = draft.time
    this.toolName = toolNameOf(draft.type, draft.data)
    this.supersedes = draft.supersedes
    this.run = runFactsOf(draft)
    this.scope = scope
    this.#chosenId = callerId ? draft.id : undefined
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.slab.buffer, this.recordStart + RECORD_HEAD_BYTES, this.byteLength)
  }

  get leafHash(): Uint8Array {
    return new Uint8Array(this.slab.buffer, this.recordStart + LEAF_HASH_OFFSET, HASH_BYTES)
  }

  get event(): FiledEvent & CallerId & WithRunFacts {
    return this
  }

  get tenantId(): string {
    return this.scope.tenantId
  }

  get sessionId(): string {
    return this.scope.sessionId
  }

  get runId(): string | undefined {
    return this.scope.runId
  }

  get parentRunId(): string | undefined {
    return this.scope.parentRunId
  }

  get agent(): Scope['agent'] {
    return this.scope.agent
  }

  get actorId(): string | undefined {
    return this.scope.actorId
  }

  /** Hardly anybody asks for an id that the log chose, or for the time of recording: both are read from the bytes. */
  get id(): string {
    return this.#chosenId ?? this.#decoded().id
  }

  get recordedAt(): string {
    return this.#decoded().recordedAt
  }

  #decoded(): Pick<AuditEvent, 'id' | 'recordedAt'> {
    const start = this.recordStart + RECORD_HEAD_BYTES
    return JSON.parse(this.slab.toString('utf8', start, start + this.byteLength))
  }
}

/** Encodes entries. */
export class EntryEncoder {
  readonly #events = new EventBytes()
  #shared = Buffer.alloc(SLAB_BYTES)
  #used = 0
  /** The memory of the next entry, in the shared slab or in one of its own. One object for all entries: recording is hot. */
  readonly #region = { slab: this.#shared, recordStart: 0, end: 0 }

  /** Encodes an event; `undefined` for one that is too large or holds a lone surrogate. */
  encode(draft: Draft, callerId: boolean): EncodedEntry | undefined {
    const parts = this.#events.partsOf(draft)
    if (parts.data.length > MAX_ENTRY_BYTES) return undefined
    const start = this.#reserve(this.#events.mostBytes(draft, parts))
    const end = this.#events.write(draft, parts, this.#region.slab, start)
    if (end === undefined || end - start > MAX_ENTRY_BYTES) return undefined
    return this.#entry(end, draft, parts.scope, callerId)
  }

  /** Encodes an event of which the text is at hand, within bounds. */
  encodeText(text: string, draft: Draft, callerId: boolean): EncodedEntry {
    const start = this.#reserve(MAX_UNIT_BYTES * text.length)
    const end = start + this.#region.slab.write(text, start, 'utf8')
    return this.#entry(end, draft, this.#events.scopeOf(draft), callerId)
  }

  /** Makes room for an entry. @returns the position of its first byte */
  #reserve(mostBytes: number): number {
    const recordBytes = RECORD_HEAD_BYTES + mostBytes
    const region = this.#region
    if (recordBytes > MAX_SHARED_BYTES) {
      region.slab = Buffer.alloc(recordBytes)
      region.recordStart = 0
    } else {
      if (this.#used + recordBytes > SLAB_BYTES) {
        this.#shared = Buffer.alloc(SLAB_BYTES)
        this.#used = 0
      }
      region.slab = this.#shared
      region.recordStart = this.#used
    }
    return region.recordStart + RECORD_HEAD_BYTES
  }

  /** Hashes what was written, up to `end`. */
  #entry(end: number, draft: Draft, scope: Scope, callerId: boolean): EncodedEntry {
    const region = this.#region
    const { slab, recordStart } = region
    const start = recordStart + RECORD_HEAD_BYTES
    if (slab === this.#shared) this.#used = end
    slab[start - 1] = LEAF_PREFIX
    const leafHash = sha256(new Uint8Array(slab.buffer, start - 1, end - start + 1))
    slab.write(leafHash, recordStart + LEAF_HASH_OFFSET, 'latin1')
    region.end = end
    return new EncodedEntry(region, draft, scope, callerId)
  }
}
