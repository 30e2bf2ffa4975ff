import { hexKeyId, parseCheckpoint, parseNote, type Signer } from '../../checkpoint/index.js'
import { textOf } from '../../events/text.js'
import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { isIndexBehind } from '../../store/index-behind.js'
import { OWN_SOURCE } from '../own-source.js'
import { signInTime } from './signature.js'

/** A key as a note names it; the whole of it where more is known. */
export interface SigningKey {
  readonly name: string
  readonly keyId: number
  readonly vkey?: string
}

/**
 * The keys of which one signs a log from here on, by what it says itself: that of the last change, where no checkpoint
 * covers it yet, or those which signed the newest checkpoint.
 *
 * @param newest - checkpoint, well-formed
 * @returns none for a log without checkpoints
 */
export async function currentKeys(newest: string | undefined, store: AuditStore): Promise<readonly SigningKey[]> {
  if (newest === undefined) return []
  const { text, signatures } = parseNote(newest)
  const { origin, size } = parseCheckpoint(text)
  const changed = await lastChangedTo({ store, origin, from: Number(size), to: store.size })
  return changed ? [changed] : signatures
}

/**
 * Tells whether two checkpoints can be of one log: the keys that signed the older one signed the newer too, or the log says
 * that the key changed in between.
 *
 * @param older - checkpoint, well-formed, as are its entries in the store
 * @param newer - of as many entries, or more
 */
export async function isKeyOfBoth(older: string, newer: string, store: AuditStore): Promise<boolean> {
  const [before, after] = [parseNote(older), parseNote(newer)]
  if (after.signatures.some((key) => isOneOf(before.signatures, key))) return true
  const [stated, { size }] = [parseCheckpoint(before.text), parseCheckpoint(after.text)]
  const changed = await lastChangedTo({ store, origin: stated.origin, from: Number(stated.size), to: Number(size) })
  return changed !== undefined && isOneOf(after.signatures, changed)
}

export function isOneOf(keys: readonly SigningKey[], { name, keyId }: SigningKey): boolean {
  return keys.some((key) => key.name === name && key.keyId === keyId)
}

export function nameOf({ name, keyId }: SigningKey): string {
  return `${name}+${hexKeyId(keyId)}`
}

/** The parts of a statement that the key of a log changed. */
export interface KeyChangeParts {
  readonly current: readonly SigningKey[]
  readonly signer: Signer
  /** Gives the key before, if it is at hand: it states the change. */
  readonly findPrevious: () => Promise<Signer | undefined>
  /** Position that the event gets. */
  readonly seq: number
  readonly timeoutMillis: number
}

/**
 * The event that another key than before signs from the next entry on.
 *
 * @throws AuditLogError `AUDIT_SIGNING_FAILED`
 */
export async function keyChange({
  current,
  signer,
  findPrevious,
  seq,
  timeoutMillis,
}: KeyChangeParts): Promise<AuditEventInput<'signing_key_changed'>> {
  const previous = await findPrevious()
  const [first] = current as [SigningKey]
  const known = previous && isOneOf(current, previous) ? previous : undefined
  const text = `spanledger.dev/signing-key-changed\n${signer.name}\n${seq}\n${signer.vkey}\n`
  return {
    type: 'signing_key_changed',
    source: OWN_SOURCE,
    data: {
      from: known?.vkey ?? first.vkey ?? nameOf(first),
      to: signer.vkey,
      ...(known && { statement: await signInTime(text, known, timeoutMillis) }),
    },
  }
}

/** A stretch of a log. */
interface Stretch {
  readonly store: AuditStore
  /** Name of the log: what another log says of its keys, in an entry carried over from there, does not count. */
  readonly origin: string
  readonly from: number
  readonly to: number
}

/** Returns the key that the log's last statement of a change in a stretch of it names. */
async function lastChangedTo({ store, origin, from, to }: Stretch): Promise<SigningKey | undefined> {
  if (from >= to) return undefined
  // A log opens at once, whatever its index is like.
  if (isIndexBehind(store)) return await lastChangeInEntries({ store, origin, from, to })
  const changes = store.postings('type', ['signing_key_changed'], { from, to, reverse: true })
  try {
    for (let seqs = await changes.next(); seqs; seqs = await changes.next()) {
      for (const bytes of await store.read(seqs)) {
        const key = bytes && changedTo(bytes, origin)
        if (key) return key
      }
    }
    return undefined
  } finally {
    await changes.close()
  }
}

async function lastChangeInEntries({ store, origin, from, to }: Stretch): Promise<SigningKey | undefined> {
  for await (const entries of store.entries({ from, to, reverse: true })) {
    for (const { bytes } of entries) {
      const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      const key = entry.includes(KEY_CHANGED) ? changedTo(entry, origin) : undefined
      if (key) return key
    }
  }
  return undefined
}

/** In every statement of a change, whatever else has it. */
const KEY_CHANGED = '"signing_key_changed"'

/**
 * Returns the key that an entry names, where it is a statement of the log that its key changed.
 *
 * Attacker-controlled: a stored entry; only statements of the log count, and the vkey must have the form of one.
 */
function changedTo(entry: Uint8Array, origin: string): SigningKey | undefined {
  const event = JSON.parse(textOf(entry)) as KeyChanged
  return event.type === 'signing_key_changed' && event.statementOf === origin ? keyIn(event) : undefined
}

interface KeyChanged {
  readonly type?: unknown
  readonly statementOf?: unknown
  readonly data?: { readonly to?: unknown }
}

/** The key of a vkey may be of a kind that only its signer knows. */
function keyIn({ data }: KeyChanged): SigningKey | undefined {
  const [vkey = '', name, keyId] = /^([^+]+)\+([\da-f]{8})\+.+$/.exec(String(data?.to)) ?? []
  return name && keyId ? { name, keyId: Number.parseInt(keyId, 16), vkey } : undefined
}
