import { join } from 'node:path'
import { isSignedBy, parseNote, type Signer, signNote } from '../../checkpoint/index.js'
import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { OWN_SOURCE } from '../gaps.js'
import { divergenceFromHead } from '../head-file.js'
import { CheckpointFile } from './checkpoint-file.js'
import { type Divergence, divergenceFrom } from './continuity.js'

/** What is known of a log when it is opened, beside its entries. */
export interface KnownCheckpoints {
  /** Of a log in a directory. */
  readonly file: CheckpointFile | undefined
  /** What it holds. */
  readonly published: string | undefined
  /** The newest: the file's, or the one in the store. */
  readonly newest: string | undefined
  /** How the log is not the one that they cover. */
  readonly divergence: Divergence | undefined
}

/**
 * Compares a log with all that was kept of it: the files `head` and `checkpoint` beside the database, the checkpoint in
 * it, and one that its owner kept elsewhere.
 */
export async function compareWithKnown(
  store: AuditStore,
  directory: string | undefined,
  keptElsewhere: string | undefined,
): Promise<KnownCheckpoints> {
  const file = directory === undefined ? undefined : new CheckpointFile(join(directory, 'checkpoint'))
  const published = await file?.read()
  const find = async (): Promise<Divergence | undefined> => {
    if (directory !== undefined) {
      const found = await divergenceFromHead(join(directory, 'head'), store)
      if (found) return found
    }
    if (file && published === undefined && store.checkpoint !== undefined) {
      return { reason: 'checkpoint_missing', what: 'its file checkpoint is missing, and there was one' }
    }
    const known: [string, string | undefined][] = [
      ['its file checkpoint', published],
      ['the checkpoint in its database', store.checkpoint],
      ['the known checkpoint', keptElsewhere],
    ]
    for (const [source, checkpoint] of known) {
      const found = checkpoint === undefined ? undefined : await divergenceFrom(checkpoint, store, source)
      if (found) return found
    }
    return undefined
  }
  const divergence = await find()
  const newest = [published, store.checkpoint].find((checkpoint) => checkpoint !== undefined && isNote(checkpoint))
  return { file, published, newest, divergence }
}

/** The origin that a checkpoint is of. @returns `undefined` for none, and for one that is malformed */
export function originOf(checkpoint: string | undefined): string | undefined {
  return checkpoint === undefined ? undefined : parseNote(checkpoint).text.split('\n')[0]
}

/**
 * The event that another key than before signs from the next entry on.
 *
 * @param findPrevious - gives the key before, if it is at hand: it states the change
 * @param seq - position that the event gets
 * @returns `undefined` when the newest checkpoint has a signature of this key
 * @throws AuditLogError `AUDIT_SIGNING_FAILED`
 */
export async function keyChange(
  newest: string | undefined,
  signer: Signer,
  findPrevious: () => Promise<Signer | undefined>,
  seq: number,
): Promise<AuditEventInput<'signing_key_changed'> | undefined> {
  if (newest === undefined) return undefined
  const note = parseNote(newest)
  if (isSignedBy(note, signer)) return undefined
  const previous = await findPrevious()
  const [first] = note.signatures
  const known = previous && isSignedBy(note, previous) ? previous : undefined
  const text = `spanledger.dev/signing-key-changed\n${signer.name}\n${seq}\n${signer.vkey}\n`
  return {
    type: 'signing_key_changed',
    source: OWN_SOURCE,
    data: {
      from: known?.vkey ?? `${first?.name}+${first?.keyId.toString(16).padStart(8, '0')}`,
      to: signer.vkey,
      ...(known && { statement: await signNote(text, [known]) }),
    },
  }
}

function isNote(checkpoint: string): boolean {
  try {
    parseNote(checkpoint)
    return true
  } catch {
    return false
  }
}
