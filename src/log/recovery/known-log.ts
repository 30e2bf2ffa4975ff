import { renamedSigner, type Signer } from '../../checkpoint/index.js'
import type { AuditStore } from '../../store/contract.js'
import { defaultOrigin } from '../../store/log-id.js'
import type { CheckpointSource } from '../checkpoints/continuity.js'
import { externalCheckpoints, KNOWN_CHECKPOINT } from '../checkpoints/external-checkpoints.js'
import { type KnownLog, originOf, readKnown, sizeOf } from '../checkpoints/known-checkpoints.js'
import type { ResolvedCheckpointOptions } from '../checkpoints/options.js'
import { originFor } from '../checkpoints/signing-key.js'

/** Says which log of a ledger a log is, and whose name it takes. */
export interface LedgerNaming {
  /** 0 for the log whose key is the key of the ledger. */
  readonly log: number
  /** Name that the owner chose for the ledger: the further logs are named after it, each with a name of its own. */
  readonly namedAfter: string | undefined
}

export interface KnownLogOptions extends ResolvedCheckpointOptions {
  /** Open. */
  readonly store: AuditStore
  readonly directory: string | undefined
  readonly inLedger?: LedgerNaming | undefined
}

/** Reads what was kept of a log. Of a ledger, the owner may have kept checkpoints of several logs. */
export async function readKnownLog(
  options: KnownLogOptions,
): Promise<{ readonly known: KnownLog; readonly outside: readonly CheckpointSource[] }> {
  const { store, directory, inLedger } = options
  const given = await externalCheckpoints(options)
  if (!inLedger || given.length === 0) return { known: await readKnown(store, directory, given), outside: given }
  const { newest } = await readKnown(store, directory, [])
  const origin = await originFor(originOf(newest), namingOf(options, originOf(newest)))
  const outside = given.filter(
    ({ source, checkpoint }) =>
      source !== KNOWN_CHECKPOINT || sizeOf(checkpoint) === undefined || originOf(checkpoint) === origin,
  )
  return { known: await readKnown(store, directory, outside), outside }
}

/**
 * Returns what decides over the log's name and key. Each further log of a ledger has a name of its own, since two logs of one
 * name are a split view. A key that is given signs all of them, each under its name.
 *
 * @param stated - origin of the log's checkpoints, if it has any
 */
export function namingOf<O extends KnownLogOptions>(options: O, stated: string | undefined) {
  const { store, inLedger } = options
  const defaultName = defaultOrigin(store.id)
  if (!inLedger || inLedger.log === 0)
    return { ...options, origin: stated ?? options.origin, defaultOrigin: defaultName }
  const { namedAfter } = inLedger
  const ownName = namedAfter === undefined ? defaultName : `${namedAfter}/${store.id}`
  return { ...options, origin: stated, defaultOrigin: ownName, isOfLedger: true }
}

/** Returns the key before, under the name that it has in this log. */
export function previousOf({ previousSigner, inLedger }: KnownLogOptions, origin: string): Signer | undefined {
  return previousSigner && inLedger && inLedger.log > 0 ? renamedSigner(previousSigner, origin) : previousSigner
}
