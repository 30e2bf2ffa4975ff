import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
/** The place of Node.js 24 once `npm run test:sdk3` has installed it: some examples need it. */
const newerNode = join(root, 'test/sdk3/node_modules/.bin/node')

/**
 * Runs the examples in a folder, by the arguments of the command line: those that are named, or all of them. Each installs
 * what its lockfile pins, and the package as it would be published, in a copy outside of the project, where nothing of the
 * project's own can be resolved by accident. With `--update-locks` it writes new lockfiles instead.
 *
 * @param {string} folder - in the project; each directory in it with a `package.json` is an example
 * @param {(node: string) => readonly [string, ...string[]]} command - runs an example, in its directory; it must exit with 0
 * @param {number} timeoutMillis - for the command
 */
export function runPackedExamples(folder, command, timeoutMillis) {
  const { values, positionals } = parseArgs({
    options: { 'update-locks': { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const examples = join(root, folder)
  const all = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'package.json')))
  const unknown = positionals.filter((name) => !all.includes(name))
  if (unknown.length > 0 || all.length === 0) throw new Error(`no such example: ${unknown}; there are: ${all}`)
  const names = positionals.length > 0 ? positionals : all

  const work = mkdtempSync(join(tmpdir(), 'spanledger-examples-'))
  const failed = []
  try {
    const packing = seconds(() => pack(work))
    console.log(`built and packed in ${packing} s`)
    cpSync(examples, work, { recursive: true, filter: (source) => basename(source) !== 'node_modules' })
    for (const name of names) {
      console.log(`\n--- ${folder}/${name}`)
      const cwd = join(work, name)
      if (values['update-locks']) updateLock(cwd, join(examples, name))
      else if (!succeeds(cwd, command, timeoutMillis)) failed.push(name)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`)
}

/** @param {string} work - gets `spanledger.tgz` */
function pack(work) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }))
  renameSync(join(work, packed.filename), join(work, 'spanledger.tgz'))
}

/**
 * Installs and runs an example; one that no Node.js at hand can run is skipped.
 *
 * @param {string} cwd
 * @param {(node: string) => readonly [string, ...string[]]} command
 * @param {number} timeoutMillis
 */
function succeeds(cwd, command, timeoutMillis) {
  const { engines } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'))
  const node = [process.execPath, newerNode].find(
    (path) => existsSync(path) && satisfies(versionOf(path), engines.node),
  )
  if (!node) {
    console.log(
      `SKIPPED: needs Node.js ${engines.node}, and this is ${process.version}. npm run test:sdk3 brings a newer one.`,
    )
    return true
  }
  const installing = seconds(() => npm(cwd, 'ci', '--loglevel=error', '--prefer-offline', '--no-audit', '--no-fund'))
  /** @type {number | null} */
  let status = null
  const running = seconds(() => {
    const [file, ...args] = command(node)
    const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
    status = spawnSync(file, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], timeout: timeoutMillis }).status
  })
  const outcome = status === 0 ? 'passed' : 'FAILED'
  console.log(`${outcome} on Node.js ${versionOf(node)}: installed in ${installing} s, ran in ${running} s`)
  rmSync(join(cwd, 'node_modules'), { recursive: true })
  return status === 0
}

/**
 * A new lockfile, but without the digest of the tarball: that is another with each build.
 *
 * @param {string} cwd
 * @param {string} example - where it is in the project
 */
function updateLock(cwd, example) {
  const path = join(cwd, 'package-lock.json')
  rmSync(path, { force: true })
  npm(cwd, 'install', '--package-lock-only', '--loglevel=error', '--no-audit', '--no-fund')
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  delete lock.packages['node_modules/spanledger'].integrity
  writeFileSync(join(example, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: ${Object.keys(lock.packages).length - 1} packages`)
}

/**
 * @param {string} cwd
 * @param {string[]} args
 */
function npm(cwd, ...args) {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], timeout: 300_000 })
}

/** @param {string} node */
function versionOf(node) {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)
}

/**
 * @param {string} version
 * @param {string} range - `>=` and a version
 */
function satisfies(version, range) {
  const least = range.replace('>=', '').split('.').map(Number)
  const parts = version.split('.').map(Number)
  const at = least.findIndex((number, index) => number !== parts[index])
  return at === -1 || (parts[at] ?? 0) > (least[at] ?? 0)
}

/** @param {() => void} work */
function seconds(work) {
  const start = performance.now()
  work()
  return ((performance.now() - start) / 1000).toFixed(1)
}
