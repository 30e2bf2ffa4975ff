import { formatNote, type NoteSignature, parseNote } from '../checkpoint/index.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { Witness, WitnessedLog } from './witness.js'

/** Options of `witnessedBy`. */
export interface WitnessedByOptions {
  /**
   * Told when a witness did not cosign. A witness that has seen another log (`AUDIT_LOG_ROLLED_BACK`,
   * `AUDIT_PROOF_INVALID`) is evidence, and no mishap.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly onProblem?: (problem: Error) => void
}

/**
 * Asks all witnesses for each checkpoint, for `openAuditLog({ onCheckpoint })`. Those that cosign are in the checkpoint
 * that the log keeps; those that do not hold nothing up.
 *
 * @example
 * ```ts
 * const witnesses = [await fileWitness('/mnt/other-disk/witness')]
 * const log = await openAuditLog('./audit', { onCheckpoint: witnessedBy(witnesses) })
 * ```
 */
export function witnessedBy(
  witnesses: readonly Witness[],
  options: WitnessedByOptions = {},
): (checkpoint: string, log: WitnessedLog) => Promise<string> {
  rejectUnknownOptions('witnessedBy', options, ['onProblem'])
  const { onProblem = (problem: Error) => process.emitWarning(problem) } = options
  return async (checkpoint, log) => {
    const { text, signatures } = parseNote(checkpoint)
    const answers = await Promise.allSettled(witnesses.map((witness) => witness.cosign(checkpoint, log)))
    const cosignatures: NoteSignature[] = []
    for (const answer of answers) {
      if (answer.status === 'fulfilled')
        cosignatures.push(...parseNote(answer.value).signatures.slice(signatures.length))
      else onProblem(answer.reason as Error)
    }
    return formatNote({ text, signatures: [...signatures, ...cosignatures] })
  }
}
