import { join } from 'node:path'
import { isSignedBy, parseNote, type Signer } from '../../checkpoint/index.js'
import { CheckpointFile } from '../../log/checkpoints/checkpoint-file.js'
import { originOf } from '../../log/checkpoints/known-checkpoints.js'
import type { ResolvedCheckpointOptions } from '../../log/checkpoints/options.js'
import { ownOrNewSigner, ownSigner } from '../../log/checkpoints/own-key.js'
import { givenKey } from '../../log/checkpoints/signing-key.js'
import { defaultOrigin, newLogId } from '../../store/log-id.js'

/** The key of a ledger: that of its log 0. */
export interface LedgerKey {
  /** Origin of log 0. */
  readonly name: string
  /** `undefined` where the key is not at hand. */
  readonly signer: Signer | undefined
}

/** Stands for a key whose name is that of a log which is not known yet. */
const UNNAMED = 'spanledger.local'

/**
 * Returns the name that the owner gave the ledger: that of the key, or the option `origin`. The further logs are named
 * after it.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export function chosenName(options: ResolvedCheckpointOptions): string | undefined {
  const given = givenKey(options, options.origin ?? UNNAMED)
  return given && given.name !== UNNAMED ? given.name : options.origin
}

/**
 * Returns the key of a ledger. Where log 0 has none yet, since another process is just opening it, it is made here, and log
 * 0 takes it.
 *
 * @param location - of the ledger
 * @returns `undefined` while log 0 has no name: its key has none, and it has no checkpoint yet
 * @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_NOTE_INVALID`, `AUDIT_FILE_REFUSED`; what the file system throws
 */
export async function ledgerKey(location: string, options: ResolvedCheckpointOptions): Promise<LedgerKey | undefined> {
  if (options.signer === false) return undefined
  const newest = await new CheckpointFile(join(location, 'checkpoint')).read()
  const stated = originOf(newest)
  const given = givenKey(options, stated ?? options.origin ?? UNNAMED)
  if (given) {
    if (stated !== undefined) return { name: stated, signer: given.name === stated ? given : undefined }
    return given.name === UNNAMED ? undefined : { name: given.name, signer: given }
  }
  if (newest === undefined || stated === undefined) {
    const name = options.origin ?? defaultOrigin(newLogId())
    const signer = await ownOrNewSigner(location, name)
    return { name: signer.name, signer }
  }
  // Attacker-controlled: the checkpoint of log 0; it counts by its signature alone.
  const own = await ownSigner(location)
  return { name: stated, signer: own && isSignedBy(parseNote(newest), own) ? own : undefined }
}
