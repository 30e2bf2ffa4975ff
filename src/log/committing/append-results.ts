import { AuditLogError, EntryRemovedError } from '../../events/errors.js'
import { beginning } from '../../events/text.js'
import type { AuditStore, CallerId, CommitResult, SealedEntry } from '../../store/contract.js'
import { hashLeaf } from '../../tree/index.js'
import type { AppendResult } from '../contract.js'
import type { Group, PendingAppend } from './commit-group.js'
import { type ComparedEntry, isSameContent } from './same-content.js'

/** Entries that are read back at a time: each has less than 64 KiB. */
const READ_LENGTH = 64
/** UTF-16 code units of an id in a message. */
const MAX_NAMED_LENGTH = 100

/** The result of a committed group. */
export interface Settled {
  /** Appends that were rejected, since their ids are those of other events. */
  readonly conflicts: number
  /** Leaf hash of the log's last entry, where the log has grown by it. */
  readonly lastLeaf: Uint8Array | undefined
}

interface Repeated {
  readonly append: PendingAppend<AppendResult>
  readonly entry: SealedEntry
}

/**
 * Settles the appends of committed groups with the positions of their entries. What repeats the id of an entry that was there before is
 * compared with that entry here, whatever the engine.
 */
export class AppendResults {
  readonly #store: AuditStore
  #size: number

  constructor(store: AuditStore) {
    this.#store = store
    this.#size = store.size
  }

  /** Settles the appends of a committed group. */
  async settle({ entries, appends }: Group<AppendResult>, result: CommitResult): Promise<Settled> {
    const { seqs, size, firstNew = Infinity } = result
    const repeated = new Map<number, Repeated[]>()
    let conflicts = 0
    let lastLeaf: Uint8Array | undefined
    let nextNew = firstNew
    let nextAppend = 0
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as SealedEntry
      const seq = seqs[index] as number
      const isNew = seq === nextNew
      if (isNew) nextNew++
      const isItself = isNew || !entry.callerId
      if (isItself && seq === size - 1) lastLeaf = entry.leafHash
      const append = appends[nextAppend]
      if (append?.index !== index) continue
      nextAppend++
      if (isItself) append.resolve(resultOf(seq, entry))
      else if (!repeated.get(seq)?.push({ append, entry })) repeated.set(seq, [{ append, entry }])
    }
    const seqsBefore = [...repeated.keys()]
    for (let at = 0; at < seqsBefore.length; at += READ_LENGTH) {
      const asked = seqsBefore.slice(at, at + READ_LENGTH)
      const kept = await this.#read(asked)
      for (const [nth, seq] of asked.entries()) {
        const entry = kept[nth] as ComparedEntry | Error
        if (!(entry instanceof Error) && seq === size - 1) lastLeaf = entry.leafHash
        conflicts += settleRepeated(repeated.get(seq) ?? [], seq, entry)
      }
    }
    const hasGrown = size > this.#size
    this.#size = size
    return { conflicts, lastLeaf: hasGrown ? lastLeaf : undefined }
  }

  /** The entries that stand at these positions, or why they cannot be read. */
  async #read(seqs: readonly number[]): Promise<readonly (ComparedEntry | Error)[]> {
    try {
      const read = await this.#store.read(seqs)
      const removedUnder = this.#store.removedEntries ? await this.#store.removedUnder?.(seqs) : undefined
      return read.map((bytes, at) => {
        if (bytes) return { bytes, leafHash: hashLeaf(bytes) }
        const [seq, under] = [seqs[at] as number, removedUnder?.[at]]
        return under === undefined ? damaged(this.#store, `entry ${seq} is missing`) : removed(seq, under)
      })
    } catch (problem) {
      const failed = problem instanceof Error ? problem : new Error(String(problem))
      return seqs.map(() => failed)
    }
  }
}

/** @returns the number of appends that were rejected since the entry says something else */
function settleRepeated(repeated: readonly Repeated[], seq: number, kept: ComparedEntry | Error): number {
  let conflicts = 0
  for (const { append, entry } of repeated) {
    if (kept instanceof Error) append.reject(kept)
    else if (isSameContent(kept, entry)) append.resolve(resultOf(seq, kept))
    else {
      conflicts++
      append.reject(idConflict(entry.event, seq))
    }
  }
  return conflicts
}

/** Its hash is a copy: an entry's own memory is not for its caller to change. */
function resultOf(seq: number, { leafHash }: ComparedEntry): AppendResult {
  return { seq, leafHash: new Uint8Array(leafHash) }
}

function idConflict({ tenantId, id }: CallerId, seq: number): AuditLogError {
  return new AuditLogError(
    'AUDIT_ID_CONFLICT',
    `The event was not stored: position ${seq} has another event under the id ${named(id)} of the tenant ${named(tenantId)}. Give each event an id of its own`,
  )
}

/** Makes the error of an append: nobody can know any more whether the removed event was the same one. */
function removed(seq: number, removedUnder: number): AuditLogError {
  const message = `The event was not stored: position ${seq} had an event of its id, which was removed under entry ${removedUnder}`
  return new EntryRemovedError(message, { seq, removedUnder })
}

function named(id: string): string {
  return JSON.stringify(beginning(id, MAX_NAMED_LENGTH))
}

function damaged({ location }: AuditStore, what: string): AuditLogError {
  return new AuditLogError('AUDIT_LOG_CORRUPT', `The audit log ${location} is damaged: ${what}`)
}
