import { AuditLogError } from '../events/errors.js'
import { decodeBase64, decodeText, encodeBase64, HASH_BYTES, MAX_UINT64, parseDecimal } from './encoding.js'
import { MAX_NOTE_BYTES } from './note.js'

/*
 * C2SP tlog-proof: what proves, without the log, that it holds an entry.
 *
 * ```
 * c2sp.org/tlog-proof@v1
 * extra <base64>               may be absent
 * index <position of the entry>
 * <inclusion proof, one hash a line in base64, from the leaf's sibling up>
 *
 * <the checkpoint, with its signatures>
 * ```
 */

/** A parsed receipt; nothing in it has been verified. */
export interface Receipt {
  /** Position of the entry. */
  readonly index: bigint
  /** Inclusion proof: hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
  /** The signed checkpoint, as the log gave it. */
  readonly checkpoint: string
  /** Further data of the issuer. No signature covers it. */
  readonly extra?: Uint8Array | undefined
}

const HEADER = 'c2sp.org/tlog-proof@v1'
const EXTRA = 'extra '
const INDEX = 'index '
/** A tree of 2^64 leaves is no higher. */
const MAX_PROOF_HASHES = 64
/** Room for a checkpoint of any allowed length, and as much again. */
const MAX_RECEIPT_BYTES = 2 * MAX_NOTE_BYTES

/**
 * Returns the text of a receipt.
 *
 * @throws TypeError when a field is not what a receipt may have
 */
export function formatReceipt({ index, proof, checkpoint, extra }: Receipt): string {
  if (typeof index !== 'bigint' || index < 0n || index > MAX_UINT64) {
    throw new TypeError('the index of a receipt must be a BigInt of 64 bits')
  }
  if (proof.length > MAX_PROOF_HASHES || proof.some((hash) => hash.length !== HASH_BYTES)) {
    throw new TypeError(`the proof of a receipt must be at most ${MAX_PROOF_HASHES} hashes of ${HASH_BYTES} bytes`)
  }
  const extraLine = extra === undefined ? '' : `${EXTRA}${encodeBase64(extra)}\n`
  const proofLines = proof.map((hash) => `${encodeBase64(hash)}\n`).join('')
  return `${HEADER}\n${extraLine}${INDEX}${index}\n${proofLines}\n${checkpoint}`
}

/**
 * Parses a receipt without verifying it. Neither its checkpoint nor what it proves is looked at.
 *
 * Attacker-controlled: any text or bytes; MAX_RECEIPT_BYTES bounds them, MAX_PROOF_HASHES the proof.
 *
 * @throws AuditLogError `AUDIT_PROOF_INVALID` when it is malformed
 */
export function parseReceipt(receipt: string | Uint8Array): Receipt {
  const text = receipt.length > MAX_RECEIPT_BYTES ? undefined : decodeText(receipt)
  if (text === undefined) refuse(`it must be UTF-8, at most ${MAX_RECEIPT_BYTES} bytes`)
  const blankLine = text.indexOf('\n\n')
  if (blankLine < 0) refuse('it has no blank line before the checkpoint')
  const [header, ...lines] = text.slice(0, blankLine).split('\n')
  if (header !== HEADER) refuse(`it must begin with the line ${HEADER}`)
  const extra = lines[0]?.startsWith(EXTRA) ? parseExtra(lines.shift() as string) : undefined
  const index = parseIndex(lines.shift() ?? '')
  if (lines.length > MAX_PROOF_HASHES) refuse(`its proof has more than ${MAX_PROOF_HASHES} hashes`)
  return { index, proof: lines.map(parseHash), checkpoint: text.slice(blankLine + 2), extra }
}

function parseExtra(line: string): Uint8Array {
  return decodeBase64(line.slice(EXTRA.length)) ?? refuse('its extra data must be in base64')
}

function parseIndex(line: string): bigint {
  const index = line.startsWith(INDEX) ? parseDecimal(line.slice(INDEX.length)) : undefined
  return index ?? refuse('it needs an index: a decimal number of 64 bits without leading zeroes')
}

function parseHash(line: string): Uint8Array {
  const hash = decodeBase64(line)
  return hash?.length === HASH_BYTES ? hash : refuse(`its proof must be hashes of ${HASH_BYTES} bytes in base64`)
}

function refuse(reason: string): never {
  throw new AuditLogError('AUDIT_PROOF_INVALID', `the receipt is malformed: ${reason}`)
}
