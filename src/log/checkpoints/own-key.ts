import { randomBytes } from 'node:crypto'
import { chmod, link, lstat, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Ed25519Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { readRegularFile } from '../../files/regular-file.js'
import { syncFile } from '../../files/sync-file.js'
import { createDirectory, syncDirectory } from '../../store/directory.js'
import { delay } from '../../timers/real-timers.js'

/*
 * The key that is generated for a log lies in its directory, in `keys/`. In a ledger, the key of log 0 signs for the keys
 * of the others, so that several processes may ask for it before there is one: one of them makes it, all of them have it.
 */

/** A key has some hundred bytes, most of which is its name. */
const MAX_KEY_BYTES = 64 * 1024
/** On a volume where a file cannot have two names, a key is seen before it is written in full. */
const READ_ATTEMPTS = 20
const READ_PAUSE_MILLIS = 10

/**
 * Returns the key that was generated for the log in a directory, if it is there.
 *
 * @param report - gets the problem that others can read the key, which they cannot any more then. Left out by those who
 * read the key before it signs: whoever comes first takes away what is to be reported
 * @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_FILE_REFUSED`
 */
export async function ownSigner(
  directory: string,
  report?: (problem: Error) => void,
): Promise<Ed25519Signer | undefined> {
  const path = join(directory, 'keys', 'signing.key')
  try {
    const skey = (await readRegularFile(path, MAX_KEY_BYTES)).toString()
    if (report && process.platform !== 'win32' && ((await lstat(path)).mode & 0o077) !== 0) {
      report(new Error(`Others than its owner can read ${path}, the key that signs this audit log`))
      // Whoever opens a log to a group by its directory does not mean the key.
      await chmod(path, 0o600).catch(() => undefined)
    }
    return Ed25519Signer.fromSkey(skey.trim())
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalidKey(path, problem)
  }
}

/**
 * Returns the key of the log in a directory, which is generated where there is none. Of several that ask at the same time,
 * also in several processes, each gets the same one. The public key goes beside it, for those who verify.
 *
 * @param origin - name of a new key
 * @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_FILE_REFUSED`; what the file system throws
 */
export async function ownOrNewSigner(
  directory: string,
  origin: string,
  report?: (problem: Error) => void,
): Promise<Ed25519Signer> {
  const known = await ownSigner(directory, report)
  if (known) return known
  const keys = join(directory, 'keys')
  await createDirectory(keys)
  const generated = Ed25519Signer.generate(origin)
  const isFirst = await createFile(join(keys, 'signing.key'), `${generated.exportSkey()}\n`)
  const signer = isFirst ? generated : await writtenSigner(directory, report)
  // Whoever made the key may have died before this. All write the same.
  await putFile(join(keys, 'signing.vkey'), `${signer.vkey}\n`)
  return signer
}

/** Says which key it is; the key itself is in no message. */
export function invalidKey(source: string, problem: unknown): unknown {
  if (!(problem instanceof AuditLogError)) return problem
  return new AuditLogError(problem.code, `${source}: ${problem.message}`, { cause: problem })
}

/** Reads the key that somebody else is just making. */
async function writtenSigner(directory: string, report?: (problem: Error) => void): Promise<Ed25519Signer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const signer = await ownSigner(directory, report)
      if (signer) return signer
      throw new Error(`${join(directory, 'keys', 'signing.key')} was there, and is gone`)
    } catch (problem) {
      if (attempt === READ_ATTEMPTS) throw problem
      await delay(READ_PAUSE_MILLIS)
    }
  }
}

/** Creates a file with its whole content, for its owner alone. @returns whether there was none before */
async function createFile(path: string, text: string): Promise<boolean> {
  const next = await writeAside(path, text)
  try {
    await link(next, path)
  } catch (problem) {
    const { code = '' } = problem as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (!NO_LINKS.has(code)) throw problem
    return await createInPlace(path, text)
  } finally {
    await rm(next, { force: true })
  }
  await syncDirectory(join(path, '..'))
  return true
}

/** Codes of file systems on which a file has one name. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

async function createInPlace(path: string, text: string): Promise<boolean> {
  try {
    await writeNew(path, text)
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw problem
  }
  await syncDirectory(join(path, '..'))
  return true
}

/** Gives a file a new content, also where another process does the same. */
async function putFile(path: string, text: string): Promise<void> {
  await rename(await writeAside(path, text), path)
  await syncDirectory(join(path, '..'))
}

async function writeAside(path: string, text: string): Promise<string> {
  const next = `${path}.${randomBytes(8).toString('hex')}`
  await writeNew(next, text)
  return next
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await syncFile(file)
  } finally {
    await file.close()
  }
}
