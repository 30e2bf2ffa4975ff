// The former version that the benchmarks compare with, built from its commit into a folder of its own, once.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const baseline = JSON.parse(readFileSync(join(import.meta.dirname, 'baseline.json'), 'utf8'))
const ROOT = join(import.meta.dirname, '..')
const BUILDS = join(import.meta.dirname, '.baseline')
/** The files that a build takes. */
const SOURCES = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts',
  'src',
]
/** The packages that must be the same ones for the baseline to be built and run with those of this repository. */
const SHARED = ['typescript', 'level', 'classic-level', 'abstract-level', 'valibot']

/** The name of the side, as in `v0.1.0`. */
export const BASELINE = `v${baseline.version}`
/** The name of the side in tables. */
export const BASELINE_LABEL = `Spanledger ${baseline.version}`

const BUILT = join(BUILDS, baseline.commit)

/**
 * Builds the baseline, unless that was done before.
 *
 * @returns its `dist`
 * @throws Error saying what is missing
 */
export function baselineDist() {
  const dist = join(BUILT, 'dist')
  if (!existsSync(dist)) build()
  return dist
}

/** Imports a module of the baseline, by its path in `dist`. */
export function importBaseline(path) {
  return import(pathToFileURL(join(baselineDist(), path)).href)
}

/** Opens a log with the baseline, and gives what is asked of it here the names that it has now. */
export async function openBaselineLog(directory, options) {
  const { openAuditLog } = await importBaseline('index.js')
  const log = await openAuditLog(directory, options)
  const { recovery } = log
  const events = log.events.bind(log)
  return Object.defineProperties(log, {
    counters: { value: () => log.stats() },
    events: { value: (query) => Object.assign(events(query), { count: () => log.count(query) }) },
    recovery: { value: { ...recovery, recoveredEvents: recovery.replayedEvents } },
  })
}

/** The option of the baseline's `verifyLog` for what is `logKeys` now. */
export const BASELINE_KEYS = 'vkeys'

let isThere

/**
 * Builds the baseline for a benchmark that goes on without it.
 *
 * @param say - receives the reason why the baseline is left out, once
 * @returns true when it is there
 */
export function hasBaseline(say) {
  if (isThere !== undefined) return isThere
  try {
    baselineDist()
    isThere = true
  } catch (problem) {
    say(`without ${BASELINE}: ${problem.message}`)
    isThere = false
  }
  return isThere
}

/** Builds apart, and moves the result into its place: a build that ended halfway is never taken for one that is there. */
function build() {
  requireCommit()
  mkdirSync(BUILDS, { recursive: true })
  const directory = mkdtempSync(join(BUILDS, 'building-'))
  try {
    extract(directory)
    provideModules(directory)
    run('npm', ['run', 'build', '--silent'], { cwd: directory })
    renameSync(directory, BUILT)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function requireCommit() {
  const { status } = spawnSync('git', ['cat-file', '-e', `${baseline.commit}^{commit}`], { cwd: ROOT })
  if (status === 0) return
  throw new Error(`commit ${baseline.commit} is not in this clone; fetch it with: git fetch --unshallow`)
}

function extract(directory) {
  const archive = join(directory, 'sources.tar')
  run('git', ['archive', `--output=${archive}`, baseline.commit, ...SOURCES, ':(exclude,glob)**/*.test.ts'], {
    cwd: ROOT,
  })
  run('tar', ['-xf', archive], { cwd: directory })
  rmSync(archive)
}

function provideModules(directory) {
  const installed = join(ROOT, 'node_modules')
  if (existsSync(installed) && sharedVersions(directory) === sharedVersions(ROOT)) {
    symlinkSync(installed, join(directory, 'node_modules'), 'junction')
    return
  }
  run('npm', ['ci', '--ignore-scripts', '--loglevel=error'], { cwd: directory })
}

/** The versions that a lock file states, as a text to compare. */
function sharedVersions(directory) {
  const { packages } = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8'))
  return SHARED.map((name) => packages[`node_modules/${name}`]?.version).join(' ')
}

function run(command, args, options) {
  const { status, error, stderr, stdout } = spawnSync(command, args, { ...options, encoding: 'utf8' })
  if (status === 0) return
  throw new Error(`${command} ${args[0]} failed: ${error?.message ?? `${stderr}${stdout}`.trim().slice(-500)}`)
}
