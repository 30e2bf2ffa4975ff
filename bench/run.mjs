// Runs the benchmarks, and writes what they tell to results/latest.json, docs/performance.md, the README and a plot.
//
//   npm run bench                                  all of them: some 40 minutes, and 10 GB on disk for a while
//   npm run bench -- --only ingest,latency         these; what is known of the others stays
//   npm run bench -- --only growth --to 1000000    no larger than that
//   node bench/run.mjs --report                    the pages anew, from what was measured last
//   npm run bench:quick                            that they run, in a minute; nothing is written
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import * as exporting from './export.mjs'
import * as growth from './growth.mjs'
import * as ingest from './ingest.mjs'
import * as latency from './latency.mjs'
import { load, machine } from './measure.mjs'
import * as postgres from './postgres.mjs'
import * as queryRatio from './query-ratio.mjs'
import { markdown, writeReport } from './report.mjs'
import * as spanOverhead from './span-overhead.mjs'
import * as treeCost from './tree-cost.mjs'

const MODULES = {
  'span-overhead': spanOverhead,
  ingest,
  latency,
  'query-ratio': queryRatio,
  'tree-cost': treeCost,
  growth,
  export: exporting,
  postgres,
}

/** Programs of their own: what they print is told as it is. */
const PROGRAMS = {
  queries: { full: ['--size', '1000000'], quick: ['--size', '2000', '--rounds', '3'] },
  verify: { full: [], quick: ['--size', '5000', '--rounds', '1'] },
}
const RESULTS = join(import.meta.dirname, 'results/latest.json')

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    to: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
})
const NAMES = [...Object.keys(MODULES), ...Object.keys(PROGRAMS)]
const chosen = options.report ? [] : (options.only?.split(',') ?? NAMES)
const unknown = chosen.filter((name) => !NAMES.includes(name))
if (unknown.length > 0) throw new Error(`no such benchmark: ${unknown.join(', ')}; there are: ${NAMES.join(', ')}`)

if (!options.quick && !options.report) install()
const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : { cases: {} }
if (options.report) writeReport(results, MODULES)
for (const name of chosen) {
  console.log(`\n=== ${MODULES[name]?.title ?? name}`)
  const loadBefore = load()
  const began = performance.now()
  const outcome = MODULES[name] ? await runModule(name) : await runProgram(name)
  if (!outcome) continue
  const seconds = (performance.now() - began) / 1000
  if (options.quick) continue
  const command = `npm run bench -- --only ${name}${options.to ? ` --to ${options.to}` : ''}`
  const facts = { command, at: new Date().toISOString(), machine: machine(), loadBefore, loadAfter: load(), seconds }
  results.cases[name] = { ...facts, ...outcome }
  mkdirSync(dirname(RESULTS), { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify(results, rounded, 2)}\n`)
  writeReport(results, MODULES)
}

async function runModule(name) {
  const to = options.to === undefined ? undefined : Number(options.to)
  const result = await MODULES[name].run({ quick: options.quick, to, log: (line) => console.log(`  ${line}`) })
  // Left out, where it has said why.
  if (!result) return
  for (const table of MODULES[name].tables(result)) console.log(`\n${markdown(table)}`)
  return { result }
}

async function runProgram(name) {
  const { full, quick } = PROGRAMS[name]
  const file = join(import.meta.dirname, `${name}.mjs`)
  if (!existsSync(file)) return console.log('  not there')
  const child = spawn(process.execPath, [file, ...(options.quick ? quick : full)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    process.stdout.write(chunk)
  }
  const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))
  if (code !== 0) throw new Error(`bench/${name}.mjs ended with ${code}`)
  return { output }
}

/** What the benchmarks compare with, once. */
function install() {
  const cwd = import.meta.dirname
  if (existsSync(join(cwd, 'node_modules'))) return
  const { status } = spawnSync('npm', ['ci', '--loglevel=error'], { cwd, stdio: 'inherit' })
  if (status !== 0) console.error('not everything could be installed: what is missing is left out')
}

/** Six digits say all there is to say. */
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}
