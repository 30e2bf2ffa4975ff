import {
  hexKeyId,
  type NoteSignature,
  openNote,
  parseCheckpoint,
  parseNote,
  type Verifier,
} from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { sameHash } from '../tree/index.js'
import type { Inspection, UnverifiedCheckpoint } from './source.js'
import type { Signed, TrustedKeys } from './trusted-keys.js'

/** A checkpoint of the log, of which no signature has been verified. */
export interface ParsedCheckpoint extends UnverifiedCheckpoint {
  readonly size: bigint
  readonly root: Uint8Array
}

/** A checkpoint that cannot be compared with the log. */
export interface RefusedCheckpoint extends UnverifiedCheckpoint {
  readonly because: 'malformed' | 'of another log'
  /** The reason, in words. */
  readonly reason: string
}

/** A checkpoint that was compared with the entries and with the trusted keys. */
export interface ComparedCheckpoint extends Omit<ParsedCheckpoint, 'size'> {
  readonly size: number
  readonly signed: Signed
  /** True when the entries have its root; `undefined` when there are fewer entries than it covers. */
  readonly holds: boolean | undefined
  /** Names and ids of the trusted witnesses that cosigned it. */
  readonly witnesses: readonly string[]
}

/** Checkpoints by whether they can be compared. */
export interface SortedCheckpoints {
  readonly parsed: readonly ParsedCheckpoint[]
  readonly refused: readonly RefusedCheckpoint[]
}

/**
 * Attacker-controlled: checkpoints as they lay beside the log; `parseNote` and `parseCheckpoint` bound and check them.
 *
 * @param origin - of the log; `undefined` where it is not known: then each checkpoint counts as the log's
 */
export function parseCheckpoints(
  checkpoints: readonly UnverifiedCheckpoint[],
  origin: string | undefined,
): SortedCheckpoints {
  const parsed: ParsedCheckpoint[] = []
  const refused: RefusedCheckpoint[] = []
  for (const each of checkpoints) {
    try {
      const { size, root, origin: stated } = parseCheckpoint(parseNote(each.note).text)
      if (origin === undefined || stated === origin) parsed.push({ ...each, size, root })
      else refused.push({ ...each, because: 'of another log', reason: `of the log '${stated}', not of '${origin}'` })
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error
      refused.push({ ...each, because: 'malformed', reason: error.message })
    }
  }
  return { parsed, refused }
}

/** The evidence with which the checkpoints of a log are compared. */
export interface CheckpointEvidence {
  readonly inspection: Inspection
  readonly keys: TrustedKeys
  readonly witnesses: readonly Verifier[]
}

export function compareCheckpoint(
  checkpoint: ParsedCheckpoint,
  { inspection, keys, witnesses }: CheckpointEvidence,
): ComparedCheckpoint {
  const size = Number(checkpoint.size)
  const root = inspection.rootAt(size)
  const holds = root ? sameHash(root, checkpoint.root) : size > inspection.size ? undefined : false
  const cosigned = cosignersOf(checkpoint.note, witnesses)
  if ('reason' in cosigned) {
    const signed = { by: undefined, reason: cosigned.reason, isWrong: true, isByKeyBefore: false } as const
    return { ...checkpoint, size, holds, signed, witnesses: [] }
  }
  return { ...checkpoint, size, holds, signed: keys.whoSigned(checkpoint), witnesses: cosigned.names }
}

/** Returns whether a trusted key signed it, and the entries have its root. */
export function isProof({ signed, holds }: ComparedCheckpoint): boolean {
  return signed.by !== undefined && holds === true
}

/** Verifies the cosignatures of trusted witnesses, and names each witness once. */
function cosignersOf(
  note: string,
  witnesses: readonly Verifier[],
): { readonly names: readonly string[] } | { readonly reason: string } {
  const isOf = (one: NoteSignature) => witnesses.some(({ name, keyId }) => name === one.name && keyId === one.keyId)
  if (!parseNote(note).signatures.some(isOf)) return { names: [] }
  try {
    const { signatures } = openNote(note, witnesses)
    return { names: signatures.map(({ name, keyId }) => `${name}+${hexKeyId(keyId)}`) }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}
