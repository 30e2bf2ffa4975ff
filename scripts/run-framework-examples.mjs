import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

/*
 * Runs examples/frameworks: each installs a framework as its lockfile pins it and the package as it would be published,
 * in a copy outside of the project, where nothing of the project's own can be resolved by accident.
 *
 *   npm run examples:frameworks                      all of them
 *   npm run examples:frameworks -- langgraph         one
 *   npm run examples:frameworks -- --update-locks    after a change of dependencies, theirs or ours
 */
const { values, positionals } = parseArgs({
  options: { 'update-locks': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const root = join(import.meta.dirname, '..')
const frameworks = join(root, 'examples/frameworks')
const all = readdirSync(frameworks, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []))
const unknown = positionals.filter((name) => !all.includes(name))
if (unknown.length > 0 || all.length === 0) throw new Error(`no such example: ${unknown}; there are: ${all}`)
const names = positionals.length > 0 ? positionals : all

/** Where Node.js 24 is once `npm run test:sdk3` has installed it: some frameworks need it. */
const newerNode = join(root, 'test/sdk3/node_modules/.bin/node')

const work = mkdtempSync(join(tmpdir(), 'spanledger-frameworks-'))
const failed = []
try {
  const packing = seconds(() => pack(join(work, 'spanledger.tgz')))
  console.log(`built and packed in ${packing} s`)
  cpSync(frameworks, work, { recursive: true, filter: (source) => basename(source) !== 'node_modules' })
  for (const name of names) {
    if (values['update-locks']) updateLock(name)
    else if (!succeeds(name)) failed.push(name)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`)

/** @param {string} tarball */
function pack(tarball) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }))
  renameSync(join(work, packed.filename), tarball)
}

/**
 * Installs and runs an example; one that no Node.js at hand can run is skipped.
 *
 * @param {string} name
 */
function succeeds(name) {
  console.log(`\n--- examples/frameworks/${name}`)
  const cwd = join(work, name)
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
  const installing = seconds(() => npm(cwd, 'ci', '--loglevel=error'))
  /** @type {number | null} */
  let status = null
  const running = seconds(() => {
    status = spawnSync(node, ['run.mjs'], { cwd, stdio: ['ignore', 'inherit', 'inherit'], timeout: 60_000 }).status
  })
  const outcome = status === 0 ? 'passed' : 'FAILED'
  console.log(`${outcome} on Node.js ${versionOf(node)}: installed in ${installing} s, ran in ${running} s`)
  rmSync(join(cwd, 'node_modules'), { recursive: true })
  return status === 0
}

/**
 * A new lockfile, but without the digest of the tarball: that is another with each build.
 *
 * @param {string} name
 */
function updateLock(name) {
  const cwd = join(work, name)
  const path = join(cwd, 'package-lock.json')
  rmSync(path, { force: true })
  npm(cwd, 'install', '--package-lock-only', '--loglevel=error')
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  delete lock.packages['node_modules/spanledger'].integrity
  writeFileSync(join(frameworks, name, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`examples/frameworks/${name}/package-lock.json: ${Object.keys(lock.packages).length - 1} packages`)
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
