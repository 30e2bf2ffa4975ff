import { join } from 'node:path'
import { parseCheckpoint, parseNote } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { AuditStore } from '../../store/contract.js'
import { type HeadFileContent, readHeadFile } from '../journal/head-file.js'
import { CheckpointFile } from './checkpoint-file.js'
import { type CheckpointSource, type Divergence, divergenceFrom, divergenceFromHead } from './continuity.js'
import type { LogView } from './log-view.js'
import { isKeyOfBoth } from './signing-keys.js'

/** All that is known of a log when it is opened, beside its entries. */
export interface KnownLog {
  /** Of a log in a directory. */
  readonly file: CheckpointFile | undefined
  /** The content of the file. */
  readonly published: string | undefined
  /** Of the file's and the one in the store that of the most entries, unless it is malformed. */
  readonly newest: string | undefined
  /** The content of the file `head`, if there is one. */
  readonly head: HeadFileContent | 'malformed' | undefined
  /** All checkpoints of the log that are at hand. */
  readonly sources: readonly CheckpointSource[]
}

/**
 * Reads all that was kept of a log: the files `head` and `checkpoint` beside the database, and the checkpoint in it.
 *
 * @param directory - of the log, where it has one
 * @param outside - checkpoints that its owner kept elsewhere
 */
export async function readKnown(
  store: AuditStore,
  directory: string | undefined,
  outside: readonly CheckpointSource[],
): Promise<KnownLog> {
  const file = directory === undefined ? undefined : new CheckpointFile(join(directory, 'checkpoint'))
  const published = await file?.read()
  const inside = [
    { source: 'its file checkpoint', checkpoint: published },
    { source: 'the checkpoint in its database', checkpoint: store.checkpoint },
  ].filter((each): each is CheckpointSource => each.checkpoint !== undefined)
  // Malformed checkpoints come first, then those that cover the most entries.
  const size = ({ checkpoint }: CheckpointSource) => Number(sizeOf(checkpoint) ?? Number.POSITIVE_INFINITY)
  return {
    file,
    published,
    newest: newestOf([published, store.checkpoint]),
    head: directory === undefined ? undefined : readHeadFile(join(directory, 'head')),
    sources: [...inside, ...outside].sort((one, other) => (size(other) === size(one) ? 0 : size(other) - size(one))),
  }
}

/** Returns the sizes of the log that something at hand states. */
export function statedSizes({ head, sources }: KnownLog): number[] {
  const sizes = sources.map(({ checkpoint }) => Number(sizeOf(checkpoint) ?? 0))
  return typeof head === 'object' ? [head.size, ...sizes] : sizes
}

/**
 * Refuses to compare a log with the checkpoint of another one: that is a mistake of whoever configured it.
 *
 * @throws AuditLogError `AUDIT_ORIGIN_MISMATCH`
 */
export function assertOneOrigin(outside: readonly CheckpointSource[], newest: string | undefined): void {
  const origin = originOf(newest)
  if (origin === undefined) return
  for (const { source, checkpoint } of outside) {
    if (sizeOf(checkpoint) === undefined || originOf(checkpoint) === origin) continue
    throw new AuditLogError(
      'AUDIT_ORIGIN_MISMATCH',
      `${source} is of the log '${originOf(checkpoint)}', and this one is '${origin}': give each log its own, and look for who put this log in place of the other`,
    )
  }
}

/** Compares a log with all that was kept of it. */
export async function divergenceOf(known: KnownLog, store: AuditStore, log: LogView): Promise<Divergence | undefined> {
  const { head, file, published, sources } = known
  const ofHead = head && (await divergenceFromHead(head, log))
  if (ofHead) return ofHead
  if (file && published === undefined && store.checkpoint !== undefined) {
    return { reason: 'checkpoint_missing', what: 'its file checkpoint is missing, and there was one' }
  }
  for (const source of sources) {
    const found = await divergenceFrom(source, log)
    if (found) return found
  }
  return await disagreement(published, store)
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

/** @returns `undefined` for one that is malformed */
export function sizeOf(checkpoint: string): bigint | undefined {
  try {
    return parseCheckpoint(parseNote(checkpoint).text).size
  } catch {
    return undefined
  }
}
