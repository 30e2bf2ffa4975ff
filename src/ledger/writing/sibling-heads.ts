import { join } from 'node:path'
import { parseCheckpoint, parseNote } from '../../checkpoint/index.js'
import { CheckpointFile } from '../../log/checkpoints/checkpoint-file.js'
import { logDirectories } from '../log-directories.js'

/** The head of another log's tree, as the file `checkpoint` of that log states it. Plain data of `siblings_noted`. */
export interface SiblingHead {
  readonly log: number
  readonly origin: string
  readonly size: number
  /** In base64. */
  readonly root: string
  /** Key id and signature, in base64. */
  readonly signature?: string
}

/** Files that are read at the same time. */
const AT_ONCE = 16

/**
 * Reads the heads of a ledger's logs from outside: no lock is needed, and nothing is verified. A log without a checkpoint, and
 * one whose checkpoint cannot be read, is left out.
 *
 * @param location - of the ledger
 * @param own - number of the log that looks
 */
export async function siblingHeads(location: string, own: number): Promise<readonly SiblingHead[]> {
  const directories = (await logDirectories(location)).filter(({ number }) => number !== own)
  const heads: SiblingHead[] = []
  for (let at = 0; at < directories.length; at += AT_ONCE) {
    const read = directories.slice(at, at + AT_ONCE).map(({ number, path: directory }) => headOf(number, directory))
    heads.push(...(await Promise.all(read)).filter((head) => head !== undefined))
  }
  return heads
}

async function headOf(log: number, directory: string): Promise<SiblingHead | undefined> {
  try {
    const checkpoint = await new CheckpointFile(join(directory, 'checkpoint')).read()
    return checkpoint === undefined ? undefined : headIn(checkpoint, log)
  } catch {
    // Opening that log, or verifying it, reports what is wrong with it.
    return undefined
  }
}

function headIn(checkpoint: string, log: number): SiblingHead | undefined {
  // Attacker-controlled: the file `checkpoint` of another log; recorded as found, with its signature.
  const { text, signatures } = parseNote(checkpoint)
  const { origin, size, root, extensions } = parseCheckpoint(text)
  if (size > BigInt(Number.MAX_SAFE_INTEGER) || size === 0n) return undefined
  const own = signatures.find(({ name }) => name === origin)
  return {
    log,
    origin,
    size: Number(size),
    root: Buffer.from(root).toString('base64'),
    ...(own && extensions.length === 0 && { signature: signatureText(own.keyId, own.signature) }),
  }
}

/** A signature as its line in a note has it. */
function signatureText(keyId: number, signature: Uint8Array): string {
  const bytes = Buffer.alloc(4 + signature.length)
  bytes.writeUInt32BE(keyId)
  bytes.set(signature, 4)
  return bytes.toString('base64')
}
