import { createHmac, timingSafeEqual } from 'node:crypto'
import { AuditLogError } from '../../events/errors.js'
import { HASH_BYTES, sha256 } from '../../tree/index.js'

/** Bytes of a record's MAC: HMAC-SHA-256, cut to its first half as RFC 2104 section 5 allows. */
export const MAC_BYTES = 16
/** Stands in place of the key's id in the head of a segment that no key attests. */
export const NO_KEY_ID = 'none----'

/** The environment variable that holds the key where no option does. */
const JOURNAL_KEY_VARIABLE = 'SPANLEDGER_JOURNAL_KEY'
const MIN_KEY_BYTES = 32
const NO_HASH = new Uint8Array(HASH_BYTES)
const BLOCK_BYTES = 64
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/** The record that a MAC is about, and its place: it fits no other record and no other place. */
export interface AttestedRecord {
  /** Leaf hash of the record before; `undefined` where there is none. */
  readonly previous: Uint8Array | undefined
  readonly leafHash: Uint8Array
  readonly callerId: boolean
  /** The content that follows the entry, as the record has it; left out where there is none. */
  readonly section?: Uint8Array | undefined
  readonly segment: number
  /** The position of the record in its segment. */
  readonly offset: number
}

/** A secret, kept outside of the log's directory, by which a log recognises the journal records that it wrote itself. */
export class JournalKey {
  /** 8 hexadecimal digits by which messages tell keys apart. */
  readonly id: string
  readonly #secret: Uint8Array

  /** @param secret - 32 bytes or more */
  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
    this.id = createHmac('sha256', this.#secret).update('spanledger journal key id').digest('hex').slice(0, 8)
  }

  /** Returns what attests the records of one log: those of another log do not pass for its own. */
  forLog(logId: string): JournalMac {
    const key = createHmac('sha256', this.#secret).update(`spanledger journal records\n${logId}\n`).digest()
    return new JournalMac(this.id, key)
  }
}

/**
 * Attests the records of a log's journal. It is HMAC-SHA-256 (RFC 2104) over messages of one length for each value of the flags, put together by
 * hand from two one-shot hashes, which takes a third of the time.
 *
 * ```
 * message = leaf hash of the record before 32 │ leaf hash 32 │ segment 8 │ offset 8 │ flags 1: the id is the caller's, content follows
 *           │ where it does: SHA-256 of it 32
 * ```
 */
export class JournalMac {
  /** The id of the key. */
  readonly keyId: string
  readonly #inner = Buffer.alloc(BLOCK_BYTES + 2 * HASH_BYTES + 8 + 8 + 1, INNER_PAD)
  readonly #outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES, OUTER_PAD)
  readonly #computed = Buffer.alloc(HASH_BYTES)

  /** @param key - 32 bytes */
  constructor(keyId: string, key: Uint8Array) {
    this.keyId = keyId
    for (const [at, byte] of key.entries()) {
      this.#inner[at] = byte ^ INNER_PAD
      this.#outer[at] = byte ^ OUTER_PAD
    }
  }

  /** Writes the MAC of a record, {@link MAC_BYTES} long. */
  write(target: Buffer, at: number, record: AttestedRecord): void {
    this.#compute(record)
    target.set(this.#computed.subarray(0, MAC_BYTES), at)
  }

  /** Returns whether whoever has the key wrote the record there, behind that other record. */
  fits(mac: Uint8Array, record: AttestedRecord): boolean {
    this.#compute(record)
    return mac.length === MAC_BYTES && timingSafeEqual(mac, this.#computed.subarray(0, MAC_BYTES))
  }

  #compute({ previous, leafHash, callerId, section, segment, offset }: AttestedRecord): void {
    const inner = this.#inner
    inner.set(previous ?? NO_HASH, BLOCK_BYTES)
    inner.set(leafHash, BLOCK_BYTES + HASH_BYTES)
    const afterSegment = writeNumber(inner, segment, BLOCK_BYTES + 2 * HASH_BYTES)
    inner[writeNumber(inner, offset, afterSegment)] = (callerId ? 1 : 0) + (section ? 2 : 0)
    const message = section ? Buffer.concat([inner, Buffer.from(sha256(section), 'latin1')]) : inner
    this.#outer.write(sha256(message), BLOCK_BYTES, 'latin1')
    this.#computed.write(sha256(this.#outer), 'latin1')
  }
}

/** @returns where the next field begins */
function writeNumber(target: Buffer, value: number, at: number): number {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  return target.writeUInt32BE(value % 2 ** 32, at + 4)
}

/**
 * Reads the key from the option, or else from the environment variable `SPANLEDGER_JOURNAL_KEY`.
 *
 * @param given - the option `journalKey`
 * @throws AuditLogError `AUDIT_KEY_INVALID`; the key itself is in no message
 * @throws TypeError when the option is neither bytes nor text
 */
export function journalKeyFrom(of: string, given: unknown): JournalKey | undefined {
  if (given !== undefined) {
    if (given instanceof Uint8Array) return keyOf(given, 'journalKey')
    if (typeof given === 'string') return keyOf(bytesOfText(given), 'journalKey')
    throw new TypeError(`${of}: journalKey must be a Uint8Array, or a text in base64 or hexadecimal`)
  }
  const text = process.env[JOURNAL_KEY_VARIABLE]
  return text ? keyOf(bytesOfText(text), JOURNAL_KEY_VARIABLE) : undefined
}

function keyOf(secret: Uint8Array | undefined, source: string): JournalKey {
  if (secret && secret.length >= MIN_KEY_BYTES) return new JournalKey(secret)
  throw new AuditLogError(
    'AUDIT_KEY_INVALID',
    `${source} must be ${MIN_KEY_BYTES} random bytes or more, in base64 or hexadecimal where it is a text. ` +
      'Make one with: openssl rand -base64 32',
  )
}

/** Hexadecimal digits are base64 as well: where there are no others, they are taken for hexadecimal. */
function bytesOfText(text: string): Uint8Array | undefined {
  const trimmed = text.trim()
  if (/^(?:[\da-f]{2})+$/i.test(trimmed)) return Buffer.from(trimmed, 'hex')
  return /^[\w+/-]+={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : undefined
}
