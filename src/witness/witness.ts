/** The log whose checkpoint a witness cosigns. */
export interface WitnessedLog {
  /**
   * The proof that the checkpoint continues the log's tree of so many entries, at least one and at most as many as the
   * checkpoint covers (RFC 6962 section 2.1.2).
   */
  proveConsistency(olderSize: number): Promise<readonly Uint8Array[]>
}

/**
 * Cosigns a checkpoint if it continues the largest tree of the log that the witness has seen. Whoever requires its
 * cosignature knows that everyone is shown the same log.
 */
export interface Witness {
  /** Name of its key. */
  readonly name: string
  /** Its public key, for those who verify. */
  readonly vkey: string
  /**
   * Cosigns a checkpoint that continues what the witness has seen.
   *
   * @param checkpoint - a signed note
   * @returns the note with the witness's cosignature behind its signatures
   * @throws AuditLogError `AUDIT_LOG_ROLLED_BACK` when the witness has seen a larger tree; `AUDIT_PROOF_INVALID` when
   * the checkpoint does not continue what it has seen; `AUDIT_WITNESS_FAILED` when it could not be asked, or refused;
   * `AUDIT_SIGNATURE_INVALID`; `AUDIT_KEY_UNKNOWN`; `AUDIT_NOTE_INVALID`
   */
  cosign(checkpoint: string, log: WitnessedLog): Promise<string>
}
