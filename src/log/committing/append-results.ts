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

/** The outcome of a committed group. */
interface GroupOutcome {
  /** Appends that are to be rejected, since their ids are those of other events. */
  readonly conflicts: number
  /** Leaf hash of the log's last entry, where the log has grown by it. */
  readonly lastLeaf: Uint8Array | undefined
  /** Settles the appends of the group. */
  readonly settleAppends: () => void
}

/** An append whose entry was not there before, and the position of the entry. */
interface Added {
  readonly append: PendingAppend<AppendResult>
  readonly entry: SealedEntry
  readonly seq: number
}

/** An append that repeats an id, and the entry which was there before, or why that cannot be read. */
interface Repeated extends Added {
  kept?: ComparedEntry | Error
}

/**
 * Finds what became of the entries of committed groups, for those who wait for them. What repeats the id of an entry that
 * was there before is compared with that entry here, whatever the engine.
 */
export class AppendResults {
  readonly #store: AuditStore
  #size: number

  constructor(store: AuditStore) {
    this.#store = store
    this.#size = store.size
  }

  /** Finds the outcome of a committed group. Settles nothing yet: the parts of the log are to have the commit before. */
  async outcomeOf({ entries, appends }: Group<AppendResult>, result: CommitResult): Promise<GroupOutcome> {
    const { seqs, size, firstNew = Infinity } = result
    const added: Added[] = []
    const repeated: Repeated[] = []
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
      const list: Added[] = isItself ? added : repeated
      list.push({ append, entry, seq })
    }
    if (repeated.length > 0) lastLeaf = (await this.#compare(repeated, size)) ?? lastLeaf
    const hasGrown = size > this.#size
    this.#size = size
    return {
      conflicts: repeated.filter(isConflict).length,
      lastLeaf: hasGrown ? lastLeaf : undefined,
      settleAppends: () => {
        for (const { append, entry, seq } of added) append.resolve(resultOf(seq, entry))
        for (const each of repeated) settleRepeated(each)
      },
    }
  }

  /** Reads the entries that were there before. @returns the leaf hash of the log's last entry, if it is among them */
  async #compare(repeated: readonly Repeated[], size: number): Promise<Uint8Array | undefined> {
    const bySeq = new Map<number, Repeated[]>()
    for (const each of repeated) if (!bySeq.get(each.seq)?.push(each)) bySeq.set(each.seq, [each])
    const seqs = [...bySeq.keys()]
    let lastLeaf: Uint8Array | undefined
    for (let at = 0; at < seqs.length; at += READ_LENGTH) {
      const asked = seqs.slice(at, at + READ_LENGTH)
      const kept = await this.#read(asked)
      for (const [nth, seq] of asked.entries()) {
        const entry = kept[nth] as ComparedEntry | Error
        if (!(entry instanceof Error) && seq === size - 1) lastLeaf = entry.leafHash
        for (const each of bySeq.get(seq) ?? []) each.kept = entry
      }
    }
    return lastLeaf
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

/** Tells whether an append says something else than the entry that was there before. */
function isConflict({ entry, kept }: Repeated): boolean {
  return kept !== undefined && !(kept instanceof Error) && !isSameContent(kept, entry)
}

function settleRepeated(repeated: Repeated): void {
  const { append, entry, seq, kept } = repeated
  if (kept === undefined || kept instanceof Error) append.reject(kept)
  else if (isConflict(repeated)) append.reject(idConflict(entry.event, seq))
  else append.resolve(resultOf(seq, kept))
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
