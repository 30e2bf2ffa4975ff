import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * Records what the newest release of each framework emits, with models that are scripted and servers on the loopback
 * interface only:
 *
 *   npm run record:frameworks                 all of them
 *   npm run record:frameworks -- langgraph    one
 *
 * Each folder of `frameworks` is installed outside of the project. Its `scenarios.mjs` exports `resource`, and `scenarios`
 * by name: functions that are given the recorder's tracer provider. Each scenario runs in a process of its own, in which
 * whatever is random is seeded, and writes `test/fixtures/recordings/newest-<folder>/<scenario>.json`; a second run of the same
 * release changes nothing, so that a difference in git is one of the release. `versions.json` says what was recorded.
 */
const here = import.meta.dirname
const fixtures = join(here, '../fixtures/recordings')
const all = readdirSync(join(here, 'frameworks'))
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !all.includes(name))
if (unknown.length > 0) throw new Error(`no such framework: ${unknown}; there are: ${all.join(', ')}`)

for (const name of asked.length > 0 ? asked : all) {
  const work = mkdtempSync(join(tmpdir(), `record-${name}-`))
  try {
    record(name, work)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * @param {string} name
 * @param {string} work
 */
function record(name, work) {
  for (const file of readdirSync(here)) if (file.endsWith('.mjs')) cpSync(join(here, file), join(work, file))
  const folder = join(work, 'frameworks', name)
  cpSync(join(here, 'frameworks', name), folder, { recursive: true })
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts'], {
    cwd: folder,
    stdio: 'inherit',
  })
  const target = join(fixtures, `newest-${name}`)
  rmSync(target, { recursive: true, force: true })
  const args = ['--import', join(work, 'seeded.mjs'), join(work, 'run-scenario.mjs'), folder, target]
  const scenarios = execFileSync(process.execPath, args, { encoding: 'utf8', env: bareEnvironment() })
  for (const scenario of JSON.parse(scenarios)) {
    execFileSync(process.execPath, [...args, scenario], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: bareEnvironment(),
    })
    console.log(`${name}: ${scenario}`)
  }
  writeFileSync(join(target, 'versions.json'), `${JSON.stringify(versionsIn(folder), null, 2)}\n`)
}

/** No variable of the caller may change what a framework emits. */
function bareEnvironment() {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME }
}

/**
 * @param {string} folder
 * @returns {Record<string, string>}
 */
function versionsIn(folder) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const manifests = Object.keys(dependencies).map((name) => [name, join(folder, 'node_modules', name, 'package.json')])
  return Object.fromEntries(
    manifests.flatMap(([name = '', manifest = '']) =>
      existsSync(manifest) ? [[name, JSON.parse(readFileSync(manifest, 'utf8')).version]] : [],
    ),
  )
}
