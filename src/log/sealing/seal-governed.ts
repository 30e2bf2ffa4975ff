import type { GovernedEvent } from '../../governance/contract.js'
import type { Sealed, Sealer } from './seal.js'

/**
 * Seals an event, and its content for that entry.
 *
 * @param recordedIn - id of the log, or of the staging journal
 */
export function sealGoverned(
  sealer: Sealer,
  { input, content, isStatement }: GovernedEvent,
  callerId: boolean,
  recordedIn: string,
): Sealed {
  if (isStatement) return sealer.sealStatement(input)
  const sealed = sealer.seal(input, callerId, content?.stated)
  if (content) sealed.entry.content = content.seal(sealed.entry.leafHash, recordedIn)
  return sealed
}
