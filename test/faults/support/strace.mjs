import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

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
 */
export function strace(directory, output, expressions) {
  const numbers = Array.from({ length: 24 }, (_, n) => String(n + 1).padStart(6, '0'))
  const files = numbers.flatMap((n) => [
    `journal/${n}.journal`,
    ...['log', 'ldb', 'dbtmp'].map((extension) => `db/${n}.${extension}`),
    `db/MANIFEST-${n}`,
    `db/secured-1/${n}.log`,
  ])
  const keys = ['/keys', '/keys/signing.key', '/keys/signing.vkey']
  const paths = [
    '',
    '/head',
    '/checkpoint',
    '/checkpoint.next',
    ...keys,
    '/journal',
    '/db',
    '/db/CURRENT',
    '/db/LOCK',
    '/db/LOG',
    '/db/LOG.old',
    '/db/room.probe',
    '/db/secured-1',
    '/db/WRITER',
  ]
  return [
    // One thread for file work, so that its calls come in the same order each time.
    ...['env', 'UV_THREADPOOL_SIZE=1', 'strace', '-f', '-qq', '-o', output],
    ...[...paths, ...files.map((file) => `/${file}`)].flatMap((path) => ['-P', directory + path]),
    ...expressions.flatMap((expression) => ['-e', expression]),
  ]
}

export function installStrace() {
  if (spawnSync('strace', ['-V']).status === 0) return
  console.log('Installing strace, a Debian package')
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' })
  if (spawnSync('apt-get', ['install', '-qq', '-y', 'strace'], { stdio: 'inherit' }).status !== 0) {
    throw new Error('strace is needed to inject faults, and could not be installed: install it, or run as root')
  }
}
