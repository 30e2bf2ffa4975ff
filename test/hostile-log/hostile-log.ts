import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from '../../src/audit-log/index.js'

/** Entries of the log that {@link writeSoundLog} writes: most of them in a table, some in LevelDB's log. */
export const ENTRIES = 340

/** A log with all kinds of files, to be copied and spoilt; and a directory beside it with files of the reader's own. */
export async function writeSoundLog() {
  const root = await mkdtemp(join(tmpdir(), 'spanledger-hostile-'))
  const directory = join(root, 'sound')
  for (const count of [300, ENTRIES - 300]) {
    const log = await openAuditLog(directory)
    for (let n = 0; n < count; n++) {
      log.record({ type: 'custom', runId: `r-${n % 9}`, data: { name: `${n}`.padEnd(500, 'x') } })
    }
    await log.checkpoint()
    await log.close()
  }
  await mkdir(join(root, 'outside'))
  let copies = 0
  return {
    root,
    directory,
    async copy(): Promise<string> {
      const target = join(root, `copy-${copies++}`)
      await cp(directory, target, { recursive: true })
      return target
    },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

/** Paths of a log's files, from its directory on: one of each kind. */
export async function filesOf(directory: string): Promise<readonly string[]> {
  const kinds = [/^CURRENT$/, /^MANIFEST/, /\.ldb$/, /\.log$/, /^LOCK$/, /^LOG$/, /^WRITER$/]
  const found: string[] = []
  for (const database of ['entries', 'index']) {
    const names = await readdir(join(directory, database))
    const files = kinds.flatMap((kind) => names.find((name) => kind.test(name)) ?? [])
    found.push(...files.map((name) => `${database}/${name}`))
  }
  const journal = (await readdir(join(directory, 'journal'))).at(-1)
  return [
    ...found,
    ...['head', 'checkpoint', `journal/${journal}`, 'keys/signing.key', 'keys/signing.vkey'],
    ...['entries', 'index', 'journal', 'keys'],
  ]
}

/** Things that can replace a file: see {@link replace}. */
const REPLACEMENTS: Readonly<Record<string, (path: string, outside: string) => Promise<unknown>>> = {
  'a link to a file outside': async (path, outside) => {
    await writeFile(join(outside, 'victim'), 'of the reader')
    await symlink(join(outside, 'victim'), path)
  },
  'a link to itself elsewhere': (path, outside) => symlink(join(outside, 'moved'), path),
  'a link to another file of the log': (path) => symlink(path.endsWith('head') ? 'checkpoint' : '../head', path),
  'a link to nothing': (path, outside) => symlink(join(outside, 'nothing'), path),
  'a link to a device without an end': (path) => symlink('/dev/zero', path),
  'a FIFO': async (path) => execFileSync('mkfifo', [path]),
  'a socket': async (path) => {
    const server = createServer()
    // The path of a socket is short.
    const short = join(tmpdir(), `spanledger-${process.pid}.sock`)
    await new Promise<void>((listening) => server.listen(short, listening))
    await rename(short, path)
    await new Promise((closed) => server.close(closed))
  },
}

export const REPLACEMENT_KINDS = Object.keys(REPLACEMENTS)

/** Puts something else in place of a file or a directory, which goes to the directory `outside` of the root. */
export async function replace(path: string, kind: string, root: string): Promise<void> {
  const outside = join(root, 'outside')
  await rm(outside, { recursive: true, force: true })
  await mkdir(outside)
  await rename(path, join(outside, 'moved'))
  await REPLACEMENTS[kind]?.(path, outside)
}

/** All that there is to a file, by name, below a directory, also modification times and numbers of links. */
export function fingerprint(below: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const walk = (path: string) => {
    const stats = lstatSync(path, { bigint: true })
    const { mode, mtimeNs, ino, nlink, size } = stats
    let content = ''
    if (stats.isSymbolicLink()) content = readlinkSync(path)
    else if (stats.isFile() && size < 2n ** 30n) {
      content = createHash('sha256').update(readFileSync(path)).digest('hex')
    }
    found[path] = `${mode} ${size} ${mtimeNs} ${ino} ${nlink} ${content}`
    if (stats.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name))
  }
  walk(below)
  return found
}

/** Makes a file of many zeros that takes no room. */
export async function makeSparse(path: string): Promise<void> {
  await writeFile(path, '')
  await truncate(path, 8 * 2 ** 30)
}

/** The manifest that is in force. */
export async function manifestPath(directory: string): Promise<string> {
  return join(directory, 'entries', (await readFile(join(directory, 'entries', 'CURRENT'), 'utf8')).trim())
}
