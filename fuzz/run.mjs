// Feeds every parser that reads files or the network with inputs that nobody wrote, guided by coverage (libFuzzer by way of
// Jazzer.js), from the seeds of the targets and the inputs stored in fuzz/corpus.
//
//   npm run fuzz                               every target, a minute each, two at a time
//   npm run fuzz -- journal note               these
//   npm run fuzz -- --seconds 600 journal      for ten minutes
//   npm run fuzz -- --keep journal             stores what found new paths, made small, in fuzz/corpus
//
// A finding ends its target: its input is named, and stored in fuzz/corpus by hand once what it found is mended.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeCommand } from './node-command.mjs'

const DEFAULT_SECONDS = Number(process.env.FUZZ_SECONDS ?? 60)
const AT_ONCE = 2
/** No input is worth that; under a debugger or on a busy machine a target is slower by a factor of ten. */
const MAX_INPUT_MILLIS = 10_000
const MAX_INPUT_BYTES = 4096
const MAX_RSS_MIB = 1536
const MAX_HEAP_MIB = 768

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
    keep: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const seconds = Number(values.seconds)
if (!Number.isSafeInteger(seconds) || seconds < 1) throw new TypeError('--seconds must be a whole number from 1 on')

const here = import.meta.dirname
const root = join(here, '..')
const build = join(here, 'build')
const findings = join(build, 'findings')
const temporary = join(build, 'temporary')
process.chdir(root)

const all = readdirSync(join(here, 'targets')).map((name) => name.replace(/\.ts$/, ''))
const unknown = positionals.filter((name) => !all.includes(name))
if (unknown.length > 0) throw new TypeError(`no such target: ${unknown.join(', ')}; there are: ${all.join(', ')}`)
const waiting = positionals.length > 0 ? [...positionals] : [...all]

if (!existsSync(join(here, 'node_modules'))) run('npm', ['ci', '--loglevel=error'], here)
rmSync(build, { recursive: true, force: true })
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', here], root)
for (const directory of [findings, temporary]) mkdirSync(directory, { recursive: true })
const node = nodeCommand(here)

/** @type {string[]} */
const failed = []
const began = performance.now()
await Promise.all(Array.from({ length: AT_ONCE }, fuzzInTurn))
const total = ((performance.now() - began) / 1000).toFixed(0)
console.log(`${failed.length === 0 ? 'nothing found' : `FOUND: ${failed.join(', ')}`} (${total} s)`)
if (failed.length > 0) process.exitCode = 1

async function fuzzInTurn() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await fuzz(name)
}

/** @param {string} name */
async function fuzz(name) {
  const target = join(build, 'fuzz/targets', `${name}.js`)
  const stored = join(here, 'corpus', name)
  const grown = await writeSeeds(name)
  mkdirSync(stored, { recursive: true })
  const { output, status } = await jazzer(
    target,
    [grown, stored],
    [
      `-max_total_time=${seconds}`,
      `-max_len=${MAX_INPUT_BYTES}`,
      `-rss_limit_mb=${MAX_RSS_MIB}`,
      `-artifact_prefix=${join(findings, `${name}-`)}`,
      '-print_final_stats=1',
    ],
  )
  const [runs = '?'] = valuesOf(output, /stat::number_of_executed_units:\s+(\d+)/g)
  const covered = valuesOf(output, /\bcov: (\d+)/g).at(-1) ?? '?'
  const [artifact] = valuesOf(output, /Test unit written to (\S+)/g)
  const outcome = status === 0 ? 'ok' : 'FINDING'
  console.log(`${name.padEnd(14)} ${outcome.padEnd(8)} ${runs.padStart(9)} runs, ${covered.padStart(5)} edges`)
  if (status !== 0) {
    failed.push(name)
    console.log(output.replace(/^/gm, '    '))
    if (artifact) console.log(`${name}: the input is ${relative(root, artifact)}`)
  } else if (values.keep) await jazzer(target, [stored, grown], ['-merge=1', `-max_len=${MAX_INPUT_BYTES}`])
}

/**
 * The inputs that a target begins with, in a directory that grows by what finds new paths.
 *
 * @param {string} name
 */
async function writeSeeds(name) {
  const directory = join(build, 'grown', name)
  mkdirSync(directory, { recursive: true })
  const { status } = spawnSync(process.execPath, [join(here, 'write-seeds.mjs'), name, directory], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`the seeds of ${name} cannot be written`)
  return directory
}

/**
 * @param {string} target
 * @param {string[]} corpora - the first of them grows
 * @param {string[]} options - of libFuzzer
 * @returns {Promise<{ output: string, status: number | null }>}
 */
async function jazzer(target, corpora, options) {
  const [command, ...before] = node
  const child = spawn(
    /** @type {string} */ (command),
    [
      ...before,
      `--max-old-space-size=${MAX_HEAP_MIB}`,
      join(here, 'node_modules/@jazzer.js/core/dist/cli.js'),
      target,
      ...corpora,
      ...['--includes', build, '--timeout', String(MAX_INPUT_MILLIS)],
      // The files that a user names, such as a certificate in the address of a store, are read wherever they are.
      ...['--disableBugDetectors', 'path-traversal'],
      ...(isAsync(target) ? [] : ['--sync']),
      '--',
      ...options,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: temporary } },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const status = await new Promise((resolve) => child.once('close', resolve))
  return { output, status }
}

/**
 * Tells whether a target answers asynchronously. A synchronous one is fed three times as fast.
 *
 * @param {string} target
 */
function isAsync(target) {
  return readFileSync(target, 'utf8').includes('export async function fuzz(')
}

/**
 * @param {string} text
 * @param {RegExp} pattern - with one group
 */
function valuesOf(text, pattern) {
  return [...text.matchAll(pattern)].map(([, value]) => String(value))
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error })
}
