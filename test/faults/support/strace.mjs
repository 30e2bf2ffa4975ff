import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {string} directory of the log
 * @param {readonly string[]} calls
 * @param {(directory: string, through: readonly string[]) => import('./child.mjs').Child} start
 * @returns {Promise<Map<string, number>>} the most calls that one thread makes on the files of the log, by name
 */
export async function countCalls(directory, calls, start) {
  const trace = `${directory}.trace`
  await start(directory, strace(directory, trace, [`trace=${calls}`])).ended
  const counts = new Map()
  for (const [, thread, call] of readFileSync(trace, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${thread} ${call}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return new Map(
    calls.map((call) => [
      call,
      Math.max(0, ...[...counts].filter(([key]) => key.endsWith(` ${call}`)).map(([, n]) => n)),
    ]),
  )
}

/**
 * The command that runs a process with these expressions of strace, for the files of one log.
 *
 * @param {string} directory @param {string} output @param {readonly string[]} expressions
 * @param {readonly string[]} [paths] those of them that are meant
 */
export function strace(directory, output, expressions, paths = [...LOG_PATHS, ...ENTRIES_PATHS, ...INDEX_PATHS]) {
  return [
    // One thread for file work, so that its calls come in the same order each time.
    ...['env', 'UV_THREADPOOL_SIZE=1', 'strace', '-f', '-qq', '-o', output],
    ...paths.flatMap((path) => ['-P', join(directory, path)]),
    ...expressions.flatMap((expression) => ['-e', expression]),
  ]
}

const NUMBERS = Array.from({ length: 24 }, (_, n) => String(n + 1).padStart(6, '0'))

const LOG_PATHS = [
  '',
  'head',
  'checkpoint',
  'checkpoint.next',
  ...['keys', 'keys/signing.key', 'keys/signing.vkey'],
  'journal',
  ...NUMBERS.map((number) => `journal/${number}.journal`),
]
const ENTRIES_PATHS = [
  ...databasePaths('entries'),
  ...['entries/room.probe', 'entries/WRITER', 'entries/secured-1'],
  ...NUMBERS.map((number) => `entries/secured-1/${number}.log`),
]
/** Files of the database that follows from the entries. */
export const INDEX_PATHS = databasePaths('index')

/** Those of them that a commit of the index is written to. */
export const INDEX_LOG_PATHS = INDEX_PATHS.filter((path) => path.endsWith('.log'))

/** @param {string} name */
function databasePaths(name) {
  const files = NUMBERS.flatMap((number) => [
    ...['log', 'ldb', 'dbtmp'].map((extension) => `${number}.${extension}`),
    `MANIFEST-${number}`,
  ])
  return [name, ...['CURRENT', 'LOCK', 'LOG', 'LOG.old', ...files].map((file) => `${name}/${file}`)]
}

export function installStrace() {
  if (spawnSync('strace', ['-V']).status === 0) return
  console.log('Installing strace, a Debian package')
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' })
  if (spawnSync('apt-get', ['install', '-qq', '-y', 'strace'], { stdio: 'inherit' }).status !== 0) {
    throw new Error('strace is needed to inject faults, and could not be installed: install it, or run as root')
  }
}
