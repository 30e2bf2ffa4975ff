import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
/** The place of Node.js 24 once `npm run test:sdk3` has installed it: some examples need it. */
const newerNode = join(root, 'test/sdk3/node_modules/.bin/node')
/** The number of examples that are installed and run at a time: installing waits for the disk more than for a core. */
const AT_A_TIME = 2

/**
 * Runs the examples in a folder, by the arguments of the command line: those that are named, or all of them. Each installs
 * what its lockfile pins, and the package as it was built, in a copy outside of the project, where nothing of the
 * project's own can be resolved by accident. What an example prints is shown when it has ended. With `--update-locks` it writes new lockfiles instead.
 *
 * @param {string} folder - in the project; each directory in it with a `package.json` is an example
 * @param {(node: string) => readonly [string, ...string[]]} command - runs an example, in its directory; it must exit with 0
 * @param {number} timeoutMillis - for the command
 */
export async function runPackedExamples(folder, command, timeoutMillis) {
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
  /** @type {string[]} */
  const failed = []
  /** @type {Promise<void>[]} */
  const removals = []
  try {
    const packing = await seconds(() => pack(work))
    console.log(`packed in ${packing} s`)
    cpSync(examples, work, { recursive: true, filter: (source) => basename(source) !== 'node_modules' })
    const waiting = [...names]
    const workOff = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const cwd = join(work, name)
        const { passed, report } = values['update-locks']
          ? await updateLock(cwd, join(examples, name))
          : await installAndRun(cwd, command, timeoutMillis)
        console.log(`\n--- ${folder}/${name}\n${report}`)
        if (!passed) failed.push(name)
        // The next one does not wait for that.
        removals.push(rm(cwd, { recursive: true }))
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, workOff))
  } finally {
    await Promise.allSettled(removals)
    rmSync(work, { recursive: true, force: true })
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`)
}

/** @param {string} work - gets `spanledger.tgz` */
function pack(work) {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }))
  renameSync(join(work, packed.filename), join(work, 'spanledger.tgz'))
}

/**
 * The outcome of one example.
 *
 * @typedef {{ readonly passed: boolean, readonly report: string }} Outcome
 */

/**
 * Installs and runs an example; one that no Node.js at hand can run is skipped.
 *
 * @param {string} cwd
 * @param {(node: string) => readonly [string, ...string[]]} command
 * @param {number} timeoutMillis
 * @returns {Promise<Outcome>}
 */
async function installAndRun(cwd, command, timeoutMillis) {
  const { engines } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'))
  const node = [process.execPath, newerNode].find(
    (path) => existsSync(path) && satisfies(versionOf(path), engines.node),
  )
  if (!node) {
    const why = `needs Node.js ${engines.node}, and this is ${process.version}. npm run test:sdk3 brings a newer one.`
    return { passed: true, report: `SKIPPED: ${why}` }
  }
  let result = { passed: false, report: '' }
  const installing = await seconds(async () => {
    result = await npm(cwd, 'ci', '--loglevel=error', '--prefer-offline', '--no-audit', '--no-fund')
  })
  if (!result.passed) return { passed: false, report: `${result.report}FAILED: npm ci` }
  const running = await seconds(async () => {
    const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
    result = await run(command(node), { cwd, env, timeout: timeoutMillis })
  })
  const outcome = result.passed ? 'passed' : 'FAILED'
  const times = `installed in ${installing} s, ran in ${running} s`
  return { ...result, report: `${result.report}${outcome} on Node.js ${versionOf(node)}: ${times}` }
}

/**
 * A new lockfile, but without the digest of the tarball: that is another with each build.
 *
 * @param {string} cwd
 * @param {string} example - where it is in the project
 * @returns {Promise<Outcome>}
 */
async function updateLock(cwd, example) {
  const path = join(cwd, 'package-lock.json')
  rmSync(path, { force: true })
  const installed = await npm(cwd, 'install', '--package-lock-only', '--loglevel=error', '--no-audit', '--no-fund')
  if (!installed.passed) return installed
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  delete lock.packages['node_modules/spanledger'].integrity
  writeFileSync(join(example, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
  return { passed: true, report: `package-lock.json: ${Object.keys(lock.packages).length - 1} packages` }
}

/**
 * @param {string} cwd
 * @param {string[]} args
 */
function npm(cwd, ...args) {
  return run(['npm', ...args], { cwd, timeout: 300_000 })
}

/**
 * Runs a command. Its report is what it has printed.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{ readonly cwd: string, readonly env?: NodeJS.ProcessEnv, readonly timeout: number }} options
 * @returns {Promise<Outcome>}
 */
async function run([file, ...args], options) {
  // In a file, which a process that outlives the command does not keep us waiting for, as it does with a pipe.
  const path = `${options.cwd}.log`
  const output = openSync(path, 'w')
  const child = spawn(file, args, { ...options, stdio: ['ignore', output, output] })
  closeSync(output)
  const [code] = await once(child, 'exit')
  return { passed: code === 0, report: readFileSync(path, 'utf8') }
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

/** @param {() => unknown} work */
async function seconds(work) {
  const start = performance.now()
  await work()
  return ((performance.now() - start) / 1000).toFixed(1)
}
