import type { Signer } from '../checkpoint/index.js'
import { originOf } from '../log/checkpoints/known-checkpoints.js'
import { chooseSigner } from '../log/checkpoints/signing-key.js'
import { currentKeys, isOneOf, nameOf } from '../log/checkpoints/signing-keys.js'
import { defaultOrigin } from '../store/log-id.js'
import type { SharedStore } from '../store/shared.js'
import { CommandFailed } from './command.js'

/**
 * The key of the environment, if it is the one that signs the log; `false` where there is none. Another one would take
 * its place for all who have the log open, whose checkpoints nobody would trust from then on.
 *
 * @param store - open
 */
export async function signerFor(store: SharedStore): Promise<Signer | false> {
  const current = await currentKeys(store.checkpoint, store)
  const origin = originOf(store.checkpoint)
  const choice = { signer: undefined, signingKey: undefined, origin, directory: undefined, current }
  const signer = await chooseSigner({ ...choice, defaultOrigin: defaultOrigin(store.id), report: () => {} })
  if (!signer) return false
  const [first] = current
  if (!first || isOneOf(current, signer)) return signer
  throw new CommandFailed(
    `SPANLEDGER_SIGNING_KEY is not ${nameOf(first)}, which signs the log ${store.location}, and would take its place ` +
      'for all who write it: give that key, or none, and the next checkpoint of another writer covers the event',
  )
}
