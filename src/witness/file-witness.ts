import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Cosigner } from '../checkpoint/cosigner.js'
import {
  type Checkpoint,
  formatNote,
  MAX_NOTE_BYTES,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
} from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions } from '../events/options.js'
import { readRegularFile } from '../files/regular-file.js'
import { syncFile } from '../files/sync-file.js'
import { verifyConsistency } from '../tree/index.js'
import type { Witness, WitnessedLog } from './witness.js'

/** Options of `fileWitness`. */
export interface FileWitnessOptions {
  /**
   * Name of the key that is generated when the directory has none yet.
   *
   * @defaultValue `spanledger.local/witness`
   */
  readonly name?: string
  /**
   * Keys of the log (vkeys): a checkpoint that none of them signed is refused.
   *
   * @defaultValue none: any checkpoint is cosigned, which is enough where the log itself asks
   */
  readonly logKeys?: readonly string[]
}

const DEFAULT_NAME = 'spanledger.local/witness'

/**
 * Opens a witness that keeps its state in a directory, best on another disk or host than the log: the newest
 * checkpoint of each origin, and its own key. One process at a time.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`; `AUDIT_FILE_REFUSED` where something else stands in place of one of its
 * files; what the file system throws
 * @throws TypeError naming an unknown or malformed option
 */
export async function fileWitness(directory: string, options: FileWitnessOptions = {}): Promise<Witness> {
  const of = 'fileWitness'
  rejectUnknownOptions(of, options, ['name', 'logKeys'])
  const { name = DEFAULT_NAME, logKeys = [] } = options
  if (typeof directory !== 'string' || directory === '') throw new TypeError(`${of}: a directory is required`)
  if (!Array.isArray(logKeys)) throw new TypeError(`${of}: logKeys must be an array of vkeys`)
  const location = resolve(directory)
  await mkdir(location, { recursive: true, mode: 0o700 })
  return new FileWitness(location, await keyIn(location, name), logKeys)
}

class FileWitness implements Witness {
  readonly name: string
  readonly vkey: string
  readonly #directory: string
  readonly #cosigner: Cosigner
  readonly #logKeys: readonly string[]
  /** One checkpoint after the other. */
  #cosigned: Promise<unknown> = Promise.resolve()

  constructor(directory: string, cosigner: Cosigner, logKeys: readonly string[]) {
    this.#directory = directory
    this.#cosigner = cosigner
    this.#logKeys = logKeys
    this.name = cosigner.name
    this.vkey = cosigner.vkey
  }

  cosign(checkpoint: string, log: WitnessedLog): Promise<string> {
    const cosigned = this.#cosigned.then(() => this.#cosign(checkpoint, log))
    this.#cosigned = cosigned.catch(() => undefined)
    return cosigned
  }

  // Attacker-controlled: any checkpoint, and the files of the directory; notes are bounded, and names of files are hashes.
  async #cosign(checkpoint: string, log: WitnessedLog): Promise<string> {
    const { text, signatures } = parseNote(checkpoint)
    const stated = parseCheckpoint(text)
    if (this.#logKeys.length > 0) openCheckpoint(checkpoint, { origin: stated.origin, logKeys: this.#logKeys })
    const file = join(this.#directory, `${createHash('sha256').update(stated.origin).digest('hex')}.checkpoint`)
    const seen = await readIfThere(file)
    if (seen !== undefined) await this.#assertContinues(stated, parseCheckpoint(parseNote(seen).text), log)
    const cosignature = this.#cosigner.cosign(text, BigInt(Math.floor(Date.now() / 1000)))
    const cosigned = formatNote({ text, signatures: [...signatures, cosignature] })
    // What was cosigned is remembered, or it is not cosigned.
    await writeDurably(file, cosigned)
    return cosigned
  }

  async #assertContinues(stated: Checkpoint, seen: Checkpoint, log: WitnessedLog): Promise<void> {
    if (stated.size < seen.size) {
      const message = `the witness ${this.name} has seen ${seen.size} entries of ${stated.origin}, and the checkpoint covers ${stated.size}`
      throw new AuditLogError('AUDIT_LOG_ROLLED_BACK', message)
    }
    if (seen.size === 0n) return
    const proof = stated.size === seen.size ? [] : await log.proveConsistency(Number(seen.size))
    verifyConsistency({ size1: seen.size, root1: seen.root, size2: stated.size, root2: stated.root, proof })
  }
}

async function keyIn(directory: string, name: string): Promise<Cosigner> {
  const [path, vkeyPath] = [join(directory, 'witness.pem'), join(directory, 'witness.vkey')]
  const pem = await readIfThere(path)
  if (pem !== undefined) {
    const known = (await readRegularFile(vkeyPath, MAX_NOTE_BYTES)).toString().split('+')[0] as string
    return Cosigner.fromPem(known, pem)
  }
  const generated = Cosigner.generate(name)
  await rm(vkeyPath, { force: true })
  await writeFile(vkeyPath, `${generated.vkey}\n`, { mode: 0o644, flag: 'wx' })
  await writeDurably(path, generated.exportPem())
  return generated
}

async function readIfThere(path: string): Promise<string | undefined> {
  const bytes = await readRegularFile(path, MAX_NOTE_BYTES).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  return bytes?.toString()
}

/** Writes a file so that it has the old content or the new one, whenever power fails. */
async function writeDurably(path: string, content: string): Promise<void> {
  // Made anew: what somebody else put there could be a link.
  await rm(`${path}.next`, { force: true })
  const file = await open(`${path}.next`, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await syncFile(file)
  } finally {
    await file.close()
  }
  await rename(`${path}.next`, path)
}
