import { join } from 'node:path'
import { parseCheckpoint, parseNote } from '../../checkpoint/index.js'
import type { AuditStore } from '../../store/contract.js'
import { divergenceFromHead } from '../head-file.js'
import { CheckpointFile } from './checkpoint-file.js'
import { type Divergence, divergenceFrom } from './continuity.js'
import { isKeyOfBoth } from './signing-keys.js'

/** What is known of a log when it is opened, beside its entries. */
export interface KnownCheckpoints {
  /** Of a log in a directory. */
  readonly file: CheckpointFile | undefined
  /** What it holds. */
  readonly published: string | undefined
  /** Of the file's and the one in the store that of the most entries, unless it is malformed. */
  readonly newest: string | undefined
  /** How the log is not the one that they cover. */
  readonly divergence: Divergence | undefined
}

/** Returns the newest checkpoint that lies with a log, of the file and of the store, unless both are malformed. */
export async function newestKept(store: AuditStore, directory: string | undefined): Promise<string | undefined> {
  const published = directory === undefined ? undefined : await new CheckpointFile(join(directory, 'checkpoint')).read()
  return newestOf([published, store.checkpoint])
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
    for (const [source, checkpoint] of sourcesOf(published, store, keptElsewhere)) {
      const found = checkpoint === undefined ? undefined : await divergenceFrom(checkpoint, store, source)
      if (found) return found
    }
    return await disagreement(published, store)
  }
  const divergence = await find()
  return { file, published, newest: newestOf([published, store.checkpoint]), divergence }
}

/** The file's checkpoint and the database's, both borne out by the entries, are not of one log. */
async function disagreement(published: string | undefined, store: AuditStore): Promise<Divergence | undefined> {
  const stored = store.checkpoint
  if (published === undefined || stored === undefined) return undefined
  if (originOf(published) !== originOf(stored)) {
    const what = `its file checkpoint is of the log '${originOf(published)}', and its database has one of '${originOf(stored)}'`
    return { reason: 'checkpoint_forged', what, checkpoint: published }
  }
  const newer = newestOf([published, stored]) as string
  if (await isKeyOfBoth(newer === published ? stored : published, newer, store)) return undefined
  const what =
    'its file checkpoint and the one in its database are of different keys, and it records no change of the key'
  return { reason: 'checkpoint_forged', what, checkpoint: published }
}

/** Each checkpoint of a log that there may be, and where it is from, for messages. */
export function sourcesOf(
  published: string | undefined,
  store: AuditStore,
  keptElsewhere: string | undefined,
): readonly (readonly [source: string, checkpoint: string | undefined])[] {
  return [
    ['its file checkpoint', published],
    ['the checkpoint in its database', store.checkpoint],
    ['the known checkpoint', keptElsewhere],
  ]
}

/** The origin that a checkpoint is of. @returns `undefined` for none */
export function originOf(checkpoint: string | undefined): string | undefined {
  return checkpoint === undefined ? undefined : parseCheckpoint(parseNote(checkpoint).text).origin
}

/** Of those that are well-formed, the one of the most entries. */
function newestOf(checkpoints: readonly (string | undefined)[]): string | undefined {
  let newest: { readonly checkpoint: string; readonly size: bigint } | undefined
  for (const checkpoint of checkpoints) {
    const size = checkpoint === undefined ? undefined : sizeOf(checkpoint)
    if (checkpoint === undefined || size === undefined || (newest && newest.size >= size)) continue
    newest = { checkpoint, size }
  }
  return newest?.checkpoint
}

function sizeOf(checkpoint: string): bigint | undefined {
  try {
    return parseCheckpoint(parseNote(checkpoint).text).size
  } catch {
    return undefined
  }
}
