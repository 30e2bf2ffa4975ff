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
import type { Problems } from './problems.js'
import type { VerifyBasis } from './report.js'
import type { Inspection, KeptCheckpoint } from './source.js'
import type { Signed, TrustedKeys } from './trusted-keys.js'

/** A checkpoint, and where it was found. */
export interface FoundCheckpoint extends KeptCheckpoint {
  /** It was kept where whoever can alter the log cannot alter it. */
  readonly isElsewhere: boolean
}

/** A checkpoint of the log, as it says. */
export interface StatedCheckpoint extends FoundCheckpoint {
  readonly size: bigint
  readonly root: Uint8Array
}

/** A checkpoint that was compared with the entries. */
export interface ComparedCheckpoint extends Omit<StatedCheckpoint, 'size'> {
  readonly size: number
  readonly signed: Signed
  /** True when the entries have its root; `undefined` when there are too few entries to tell. */
  readonly holds: boolean | undefined
  /** Names and ids of the trusted witnesses that cosigned it. */
  readonly witnesses: readonly string[]
}

/** Reads checkpoints, and tells of those that are malformed or of another log. */
export function readCheckpoints(
  found: readonly FoundCheckpoint[],
  origin: string | undefined,
  problems: Problems,
): readonly StatedCheckpoint[] {
  const read: StatedCheckpoint[] = []
  for (const checkpoint of found) {
    const { source, note } = checkpoint
    try {
      const { size, root, origin: stated } = parseCheckpoint(parseNote(note).text)
      if (origin === undefined || stated === origin) read.push({ ...checkpoint, size, root })
      else problems.add('unknown_key', 'key_unknown', `${source} is of the log '${stated}', not of '${origin}'`)
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error
      problems.add('altered', 'checkpoint_altered', `${source} is malformed: ${error.message}`)
    }
  }
  return read
}

/** The evidence with which the checkpoints of a log are compared. */
export interface CheckpointJudges {
  readonly inspection: Inspection
  readonly keys: TrustedKeys
  readonly witnesses: readonly Verifier[]
}

export function compareCheckpoint(
  checkpoint: StatedCheckpoint,
  { inspection, keys, witnesses }: CheckpointJudges,
): ComparedCheckpoint {
  const size = Number(checkpoint.size)
  const root = inspection.rootAt(size)
  const holds = root ? sameHash(root, checkpoint.root) : size > inspection.size ? undefined : false
  const signed = keys.whoSigned(checkpoint)
  const cosigned = cosignersOf(checkpoint.note, witnesses)
  if ('reason' in cosigned) {
    return {
      ...checkpoint,
      size,
      holds,
      signed: { by: undefined, reason: cosigned.reason, isWrong: true, isByKeyBefore: false },
      witnesses: [],
    }
  }
  return { ...checkpoint, size, holds, signed, witnesses: cosigned.names }
}

/** Returns whether a trusted key signed it, and the entries have its root. */
export function isProof({ signed, holds }: ComparedCheckpoint): boolean {
  return signed.by !== undefined && holds === true
}

/** Returns the evidence beyond the log itself that the proving checkpoints add. */
export function anchorsIn(compared: readonly ComparedCheckpoint[], witnessQuorum: number): Omit<VerifyBasis, 'keys'> {
  const proofs = compared.filter((each) => isProof(each) && each.size > 0)
  const witnessed = proofs.filter(({ witnesses }) => witnesses.length > 0 && witnesses.length >= witnessQuorum)
  const elsewhere = proofs.filter(({ isElsewhere }) => isElsewhere)
  return {
    checkpointsElsewhere: elsewhere.length,
    witnesses: [...new Set(witnessed.flatMap(({ witnesses }) => witnesses))],
    anchoredSize: Math.max(0, ...[...elsewhere, ...witnessed].map(({ size }) => size)),
  }
}

/** Tells what is wrong with checkpoints. @param rolledBackAt - position at which the log says that it was rolled back */
export function addCheckpointProblems(
  problems: Problems,
  compared: readonly ComparedCheckpoint[],
  { size, provenSize, rolledBackAt }: { size: number; provenSize: number; rolledBackAt: number | undefined },
): void {
  for (const { source, signed, holds, size: covered, isElsewhere } of compared) {
    if (signed.by === undefined) {
      // A checkpoint that no trusted key signed tells nothing about the entries.
      if (signed.isWrong) problems.add('altered', 'checkpoint_altered', `${source} was altered: ${signed.reason}`)
      // After a change of keys the database has a checkpoint by the key before, until the next commit.
      else if (isElsewhere || !signed.isByKeyBefore || !holds || covered > provenSize)
        problems.add('unknown_key', 'key_unknown', `${source}: ${signed.reason}`)
    } else if (holds === undefined) {
      const entries = [{ from: size, to: covered }]
      const message = `${source} covers ${covered} entries, of which the last ${covered - size} are not there`
      problems.add('truncated', 'truncated', message, { count: covered - size, entries })
    } else if (!holds) {
      if (rolledBackAt === undefined || rolledBackAt >= covered) {
        const message = `${source} has another root than the first ${covered} entries`
        const entries = [{ from: Math.min(provenSize, covered), to: covered }]
        problems.add('altered', 'root_mismatch', message, { entries })
      } else {
        const message = `${source} covers entries that are gone: the log was rolled back before entry ${rolledBackAt}`
        problems.add('truncated', 'rolled_back', message, { entries: [{ from: rolledBackAt, to: covered }] })
      }
    }
  }
}

/** Verifies the cosignatures of trusted witnesses. */
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
