import { formatNote, type NoteSignature, parseNote } from '../checkpoint/index.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { Witness, WitnessedLog } from './witness.js'

/** Options of `witnessedBy`. */
export interface WitnessedByOptions {
  /**
   * Receives the reason why a witness did not cosign. A witness that has seen another log (`AUDIT_LOG_ROLLED_BACK`,
   * `AUDIT_PROOF_INVALID`) is evidence, and no mishap.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly onProblem?: (problem: Error) => void
}

/** A `CheckpointPublisher` that has the checkpoints of a log cosigned: `openAuditLog({ publishCheckpoint })`. */
export interface WitnessedPublisher {
  /** Returns the checkpoint with the cosignatures of the witnesses that answered. */
  (checkpoint: string, log: WitnessedLog): Promise<string>
  /**
   * Shows the witnesses the newest checkpoint of a log that is being opened.
   *
   * @throws AuditLogError `AUDIT_LOG_ROLLED_BACK` when one has seen a larger tree, `AUDIT_PROOF_INVALID` when one has seen
   * another: the log was set back, or replaced
   */
  confirm(checkpoint: string, log: WitnessedLog): Promise<void>
}

const EVIDENCE: ReadonlySet<unknown> = new Set(['AUDIT_LOG_ROLLED_BACK', 'AUDIT_PROOF_INVALID'])

/**
 * Returns a checkpoint publisher that asks all witnesses to cosign, for `openAuditLog({ publishCheckpoint })`. Those
 * that cosign are in the checkpoint that the log keeps; those that do not hold nothing up. At opening, a witness that
 * has seen more of the log than there is refuses, before the log signs anything.
 *
 * @example
 * ```ts
 * const witnesses = [await fileWitness('/mnt/other-disk/witness')]
 * const log = await openAuditLog('./audit', { publishCheckpoint: witnessedBy(witnesses) })
 * ```
 */
export function witnessedBy(witnesses: readonly Witness[], options: WitnessedByOptions = {}): WitnessedPublisher {
  rejectUnknownOptions('witnessedBy', options, ['onProblem'])
  const { onProblem = (problem: Error) => process.emitWarning(problem) } = options
  const ask = (checkpoint: string, log: WitnessedLog) =>
    Promise.allSettled(witnesses.map((witness) => witness.cosign(checkpoint, log)))
  // Attacker-controlled: the notes that witnesses return; only what follows the log's own signatures is taken.
  const publish = async (checkpoint: string, log: WitnessedLog) => {
    const { text, signatures } = parseNote(checkpoint)
    const cosignatures: NoteSignature[] = []
    for (const answer of await ask(checkpoint, log)) {
      if (answer.status === 'fulfilled')
        cosignatures.push(...parseNote(answer.value).signatures.slice(signatures.length))
      else onProblem(answer.reason as Error)
    }
    return formatNote({ text, signatures: [...signatures, ...cosignatures] })
  }
  const confirm = async (checkpoint: string, log: WitnessedLog) => {
    const { text, signatures } = parseNote(checkpoint)
    const own = signatures.filter(({ name }) => !witnesses.some((witness) => witness.name === name))
    const problems = (await ask(formatNote({ text, signatures: own }), log)).flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as Error & { code?: unknown }] : [],
    )
    const evidence = problems.find(({ code }) => EVIDENCE.has(code))
    if (evidence) throw evidence
    for (const problem of problems) onProblem(problem)
  }
  return Object.assign(publish, { confirm })
}
