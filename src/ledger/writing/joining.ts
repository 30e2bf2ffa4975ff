import { isSignedBy, parseNote, type Signer } from '../../checkpoint/index.js'
import type { AuditEventInput } from '../../events/types.js'
import { signInTime } from '../../log/checkpoints/signature.js'
import { OWN_SOURCE } from '../../log/own-source.js'
import type { LedgerKey } from './ledger-key.js'

/** The statements of a log about its ledger. */
export interface Membership {
  readonly ledger: LedgerKey
  /** Number of the log. */
  readonly log: number
  /** Key of the log. */
  readonly signer: Signer
}

/**
 * Returns the statement that a log belongs to a ledger, with which the key of the ledger signs for the key of the log.
 *
 * @throws AuditLogError `AUDIT_SIGNING_FAILED`
 */
export async function ledgerJoined(
  { ledger, log, signer: { vkey } }: Membership,
  timeoutMillis: number,
): Promise<AuditEventInput<'ledger_joined'>> {
  const text = `spanledger.dev/ledger-log\n${ledger.name}\n${log}\n${vkey}\n`
  const statement = ledger.signer && (await signInTime(text, ledger.signer, timeoutMillis))
  return {
    type: 'ledger_joined',
    source: OWN_SOURCE,
    data: { ledger: ledger.name, log, vkey, ...(statement !== undefined && { statement }) },
  }
}

/** Tells whether a log has stated this already. @param stated - `data` of its last statement */
export function hasJoined(stated: unknown, { ledger, log, signer }: Membership): boolean {
  const { ledger: name, log: number, vkey, statement } = (stated ?? {}) as Readonly<Record<string, unknown>>
  if (name !== ledger.name || number !== log || vkey !== signer.vkey) return false
  return !ledger.signer || (typeof statement === 'string' && isStatedBy(statement, ledger.signer))
}

function isStatedBy(statement: string, signer: Signer): boolean {
  try {
    // Attacker-controlled: a statement in the log; it counts by its signature alone.
    return isSignedBy(parseNote(statement), signer)
  } catch {
    return false
  }
}
