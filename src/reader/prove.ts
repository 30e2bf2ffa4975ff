import { formatReceipt, parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { ReadableStore } from '../store/readable.js'
import {
  hashLeaf,
  leafHashAt,
  proveConsistency,
  proveInclusion,
  rootAt,
  sameHash,
  verifyInclusion,
} from '../tree/index.js'
import type { ProvedContent } from './content/prove-content.js'
import type { LogEntry } from './log-entry.js'
import { invalidQuery, parseSeq } from './query/parse-query.js'

/** The tree size for which an entry is proved. */
export interface ProveOptions {
  /**
   * The tree of so many entries, signed or not.
   *
   * @defaultValue that of the newest checkpoint
   */
  readonly size?: number
}

/** A proof that an entry is in a log. */
export interface InclusionProof {
  readonly seq: number
  /** SHA-256(0x00 ‖ entry bytes). */
  readonly leafHash: Uint8Array
  /** Number of entries of the tree it is proved for. */
  readonly size: number
  readonly root: Uint8Array
  /** From the leaf's sibling up, RFC 6962 section 2.1.1. */
  readonly proof: readonly Uint8Array[]
  /** The signed checkpoint that states size and root; `undefined` where a size was asked for. */
  readonly checkpoint: string | undefined
  /** All of it but the leaf in one text, to be verified without the log: C2SP tlog-proof. */
  readonly receipt: string | undefined
}

/** A proof that a log continues an older checkpoint of it. */
export interface ConsistencyProof {
  /** Number of entries of the older checkpoint. */
  readonly size1: number
  /** Number of entries of the newer one. */
  readonly size2: number
  /** RFC 6962 section 2.1.2. */
  readonly proof: readonly Uint8Array[]
  /** The newest signed checkpoint, which states `size2` and its root. */
  readonly checkpoint: string
}

/** An entry with its proof. */
export interface ProvedEntry extends LogEntry {
  /** The content of the event, where the query asks for it, with the proof of each value: the receipt proves the digests. */
  readonly content?: readonly ProvedContent[]
  /** C2SP tlog-proof: `verifyReceipt(receipt, hashLeaf(bytes), trust)` verifies it without the log. */
  readonly receipt: string
}

/** Entries found by a query, with proofs that others can verify. */
export interface Evidence {
  /** The signed checkpoint that all receipts lead to: the answer is that of the log of so many entries. */
  readonly checkpoint: string
  readonly size: number
  /** The entries among them that the query finds; lazy. */
  readonly entries: AsyncIterable<ProvedEntry>
}

/** A signed checkpoint that a store bears out. */
export interface SignedHead {
  readonly note: string
  readonly size: number
  readonly root: Uint8Array
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` @throws TypeError naming an unknown option */
export function parseProveOptions(seq: unknown, options: ProveOptions): { seq: number; size: number | undefined } {
  rejectUnknownOptions('prove', options, ['size'])
  const position = parseSeq(seq)
  const { size } = options
  if (size !== undefined && !(Number.isSafeInteger(size) && size > position)) {
    throw invalidQuery('size', `must be a whole number greater than seq, ${position}`)
  }
  return { seq: position, size }
}

/**
 * The head that a checkpoint states; `undefined` for one that covers more than the store has.
 *
 * @throws AuditLogError `AUDIT_NOTE_INVALID`
 */
export function signedHead(note: string | undefined, storeSize: number): SignedHead | undefined {
  if (note === undefined) return undefined
  // Attacker-controlled: the note lies beside the log; whoever can write there can replace it, and its signatures are not verified here.
  const { size, root } = parseCheckpoint(parseNote(note).text)
  return size <= BigInt(storeSize) ? { note, size: Number(size), root } : undefined
}

export async function proveEntry(store: ReadableStore, seq: number, head: SignedHead): Promise<InclusionProof> {
  const { leafHash, proof } = await proveAt(store, seq, head.size)
  try {
    verifyInclusion({ leafHash, index: seq, size: head.size, root: head.root, proof })
  } catch (cause) {
    const message = `The audit log ${store.location} is corrupt: entry ${seq} is not the one that its checkpoint covers`
    throw new AuditLogError('AUDIT_LOG_CORRUPT', message, { cause })
  }
  const { note: checkpoint, size, root } = head
  const receipt = formatReceipt({ index: BigInt(seq), proof, checkpoint })
  return { seq, leafHash, size, root, proof, checkpoint, receipt }
}

export async function proveForSize(store: ReadableStore, seq: number, size: number): Promise<InclusionProof> {
  if (size > store.size) throw invalidQuery('size', `the log has ${store.size} entries`)
  const root = await rootAt(size, store.size, store)
  return { seq, size, root, ...(await proveAt(store, seq, size)), checkpoint: undefined, receipt: undefined }
}

/**
 * @param older - a signed note
 * @throws AuditLogError `AUDIT_NOTE_INVALID`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_PROOF_INVALID`
 */
export async function proveContinuity(
  store: ReadableStore,
  older: string,
  newest: SignedHead,
): Promise<ConsistencyProof> {
  // Attacker-controlled: the note comes from the caller, and its signatures are not verified here; the root decides.
  const { size, root } = parseCheckpoint(parseNote(older).text)
  if (size === 0n) throw invalidQuery('checkpoint', 'it is of the empty log, which every log continues')
  if (size > BigInt(newest.size)) {
    const message = `The audit log ${store.location} has no checkpoint of ${size} entries or more, but one was signed`
    throw new AuditLogError('AUDIT_LOG_ROLLED_BACK', message)
  }
  const size1 = Number(size)
  if (!sameHash(await rootAt(size1, newest.size, store), root)) {
    const message = `The audit log ${store.location} does not continue this checkpoint: its first ${size1} entries are others`
    throw new AuditLogError('AUDIT_PROOF_INVALID', message)
  }
  const proof = await proveConsistency(size1, newest.size, store)
  return { size1, size2: newest.size, proof, checkpoint: newest.note }
}

export async function* proveEntries(
  store: ReadableStore,
  entries: AsyncIterable<Omit<ProvedEntry, 'receipt'>>,
  head: SignedHead,
): AsyncGenerator<ProvedEntry> {
  for await (const entry of entries) {
    const { receipt } = await proveEntry(store, entry.seq, head)
    yield { ...entry, receipt: receipt as string }
  }
}

async function proveAt(store: ReadableStore, seq: number, size: number) {
  const [bytes] = await store.read([seq])
  const leafHash = bytes ? hashLeaf(bytes) : store.removedEntries ? await leafHashAt(seq, store) : undefined
  if (!leafHash) throw new AuditLogError('AUDIT_LOG_CORRUPT', `The audit log ${store.location} has no entry ${seq}`)
  return { leafHash, proof: await proveInclusion(seq, size, store) }
}
