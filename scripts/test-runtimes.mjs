import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * Runs test/runtimes on the package as it would be published: on the first and the newest Node.js of each line that is
 * supported, on Bun and on Deno, and in a project of Yarn's Plug'n'Play. Each runtime comes as a package, and is
 * installed in a temporary directory.
 *
 *   npm run test:runtimes                all of them
 *   npm run test:runtimes -- deno bun    these
 */
/** @type {Readonly<Record<string, { readonly install: string, readonly command: readonly string[] }>>} */
const RUNTIMES = {
  'node-20.11': { install: 'node@20.11', command: ['node'] },
  'node-20': { install: 'node@20.19', command: ['node'] },
  'node-22.11': { install: 'node@22.11', command: ['node'] },
  'node-22': { install: 'node@22', command: ['node'] },
  'node-24': { install: 'node@24', command: ['node'] },
  'node-26': { install: 'node@26', command: ['node'] },
  bun: { install: 'bun@1', command: ['bun'] },
  deno: { install: 'deno@2', command: ['deno', 'run', '-A', '--no-lock'] },
  'yarn-pnp': { install: '@yarnpkg/cli-dist@4', command: ['yarn', 'node'] },
}
const PROGRAMS = ['import.mjs', 'require.cjs', 'copies.cjs']

const root = join(import.meta.dirname, '..')
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RUNTIMES)
const unknown = names.filter((name) => !(name in RUNTIMES))
if (unknown.length > 0) throw new Error(`no such runtime: ${unknown}; there are: ${Object.keys(RUNTIMES)}`)

const work = mkdtempSync(join(tmpdir(), 'spanledger-runtimes-'))
const failed = []
try {
  const tarball = pack()
  const { devDependencies: pinned } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const beside = ['@opentelemetry/api', '@opentelemetry/context-async-hooks', '@opentelemetry/sdk-trace-base']
  const dependencies = Object.fromEntries(beside.map((name) => [name, pinned[name]]))
  const project = makeProject('project', { ...dependencies, spanledger: `file:${tarball}` })
  npm(project, 'install')
  for (const name of names) {
    const { install, command } = /** @type {(typeof RUNTIMES)[string]} */ (RUNTIMES[name])
    const [program = '', ...args] = command
    const runtime = join(work, name, 'node_modules/.bin', program)
    let cwd = project
    try {
      npm(makeProject(name, {}), 'install', install)
      if (name === 'yarn-pnp') cwd = installByYarn(runtime, { ...dependencies, spanledger: `file:${tarball}` })
    } catch (problem) {
      console.log(`${name.padEnd(10)} NOT TESTED: ${install}, or what it installs, could not be installed: ${problem}`)
      failed.push(`${name} (not installed)`)
      continue
    }
    for (const file of PROGRAMS) {
      const start = performance.now()
      const { status, signal, error } = spawnSync(runtime, [...args, file], {
        cwd,
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 120_000,
      })
      const outcome = status === 0 ? 'passed' : `FAILED (${error ?? signal ?? status})`
      console.log(
        `${name.padEnd(10)} ${file.padEnd(11)} ${outcome} in ${((performance.now() - start) / 1000).toFixed(1)} s`,
      )
      if (status !== 0) failed.push(`${name} ${file}`)
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`)

function pack() {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }))
  return join(work, packed.filename)
}

/**
 * @param {string} name
 * @param {Record<string, string>} dependencies
 */
function makeProject(name, dependencies) {
  const directory = join(work, name)
  mkdirSync(directory)
  cpSync(join(root, 'test/runtimes'), directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name, private: true, dependencies }))
  return directory
}

/**
 * @param {string} yarn
 * @param {Record<string, string>} dependencies
 */
function installByYarn(yarn, dependencies) {
  const project = makeProject('plug-n-play', dependencies)
  writeFileSync(join(project, 'yarn.lock'), '')
  const env = {
    ...process.env,
    YARN_NODE_LINKER: 'pnp',
    YARN_ENABLE_TELEMETRY: 'false',
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
  }
  execFileSync(yarn, ['install'], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] })
  return project
}

/**
 * @param {string} cwd
 * @param {string[]} args
 */
function npm(cwd, ...args) {
  execFileSync('npm', [...args, '--loglevel=error', '--no-audit', '--no-fund'], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 300_000,
  })
}
