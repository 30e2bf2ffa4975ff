import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Calls that open or read a file by name follow links and wait for FIFOs; only `files/regular-file` prevents that.

const CALLS =
  /\b(readFile|readFileSync|open|openSync|createReadStream|createWriteStream|stat|statSync|opendir|opendirSync|readlink|readlinkSync|realpath|realpathSync|copyFile|copyFileSync|cp|cpSync|watch|watchFile|existsSync|access|appendFile)\b/

/** The files that may make such calls, each with the reason. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'files/regular-file.ts': ['looks first, and again at what it has opened', 'openSync', 'open', 'stat', 'statSync'],
  'backup/backup.ts': ['paths that the user names', 'realpath'],
  'backup/copy-log.ts': ['files that this process laid out, and new ones', 'copyFile', 'open'],
  'cli/verify/given.ts': ['a path that the user names', 'realpath'],
  'cli/verify/log-source.ts': ['a path that the user names', 'stat'],
  'cli/find-writer.ts': ['/proc/locks', 'readFile'],
  'cli/main.ts': ['the manifest of this package', 'readFile'],
  'cli/user-file.ts': ['a path that the user names', 'openSync', 'stat'],
  'cli/output-file.ts': ['a path that the user names, and a new file beside it', 'open', 'stat'],
  'inspection/table-damage.ts': ['a directory laid out by this process, with links of its own', 'openSync'],
  'threads/thread-file.ts': ['a file of this package', 'existsSync'],
  'ledger/writing/file-locks.ts': ['/proc/self/mountinfo, and a directory', 'readFile', 'realpath'],
  'log/checkpoints/own-key.ts': ['a new file', 'open'],
  'log/checkpoints/replace-file.ts': ['a new file', 'open'],
  'log/sealing/clock-statement.ts': ['/run/systemd/timesync', 'existsSync'],
  'log/journal/set-aside.ts': ['a regular file that was looked at, and a new one', 'copyFile', 'open'],
  'log/journal/boot-id.ts': ['/proc/sys/kernel/random/boot_id', 'readFileSync'],
  'content/keys/key-files.ts': ['a new file', 'openSync'],
  'content/keys/provider.ts': ['the mode of a file that was read', 'statSync'],
  'governance/policy/policy-file.ts': ['the times of a path that the user names', 'statSync'],
  'store/directory.ts': ['directories', 'open', 'openSync', 'stat', 'statSync'],
  'store/leveldb/database.ts': ['a directory that was looked at', 'realpath'],
  'store/leveldb/file-modes.ts': ['a directory of the writer, told of by the system', 'watch'],
  'store/process-identity.ts': ['/proc', 'readFileSync', 'readlinkSync'],
  'store/leveldb/link-or-copy.ts': ['a regular file that was looked at, and its copy', 'copyFile', 'open'],
  'witness/file-witness.ts': ['a new file', 'open'],
}

test('no other file of the sources opens a file by its name', () => {
  const src = join(import.meta.dirname, '..')
  const used: Record<string, readonly string[]> = {}
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    const text = readFileSync(join(src, file), 'utf8')
    const names = [...text.matchAll(/^import ([^'"]*?)from 'node:fs(?:\/promises)?'/gm)].flatMap(([, what = '']) => {
      // A namespace or a default import would hide what is called.
      expect(what, file).toMatch(/^(type )?\{/)
      return what.replaceAll(/[{}\s]/g, ' ').split(/[ ,]+/)
    })
    const found = names.filter((name) => name.match(CALLS)?.[0] === name)
    if (found.length > 0) used[file.replaceAll('\\', '/')] = found.sort()
  }
  const allowed = Object.entries(ALLOWED).map(([file, [, ...calls]]) => [file, calls.sort()])
  expect(used).toEqual(Object.fromEntries(allowed))
})
