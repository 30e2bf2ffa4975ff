// Runs the benchmarks, and writes what they tell to results/latest.json, docs/performance.md, the README and a plot.
//
//   npm run bench                                  all of them: about an hour, and 10 GB on disk for a while
//   npm run bench -- --only ingest,latency         these; what is known of the others stays
//   npm run bench -- --only growth --to 1000000    no larger than that
//   node bench/run.mjs --report                    the pages anew, from what was measured last
//   node bench/run.mjs --json                      the results as one JSON object on stdout, all else on stderr
//   npm run bench:quick                            that they run, in a minute; nothing is written
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import * as exporting from './export.mjs'
import * as growth from './growth.mjs'
import * as ingest from './ingest.mjs'
import * as latency from './latency.mjs'
import { load, machine } from './measure.mjs'
import * as postgres from './postgres.mjs'
import * as queries from './query-catalogue.mjs'
import * as queryRatio from './query-ratio.mjs'
import { markdown, writeReport } from './report.mjs'
import * as runTree from './run-tree.mjs'
import * as spanOverhead from './span-overhead.mjs'
import * as treeCost from './tree-cost.mjs'
import * as verify from './verify.mjs'

const MODULES = {
  'span-overhead': spanOverhead,
  ingest,
  latency,
  queries,
  'query-ratio': queryRatio,
  'run-tree': runTree,
  'tree-cost': treeCost,
  growth,
  verify,
  export: exporting,
  postgres,
}

const RESULTS = join(import.meta.dirname, 'results/latest.json')

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    to: { type: 'string' },
    report: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const NAMES = Object.keys(MODULES)
const chosen = options.report ? [] : (options.only?.split(',') ?? NAMES)
const unknown = chosen.filter((name) => !NAMES.includes(name))
if (unknown.length > 0) throw new Error(`no such benchmark: ${unknown.join(', ')}; there are: ${NAMES.join(', ')}`)

if (!options.quick && !options.report) install()
const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : { cases: {} }
if (options.report) writeReport(results, MODULES)
const say = options.json ? console.error : console.log
const measured = {}
for (const name of chosen) {
  const { title, format } = MODULES[name]
  say(`\n=== ${title}`)
  const loadBefore = load()
  const began = performance.now()
  const result = await runModule(name)
  // Left out, where it has said why.
  if (!result) continue
  const seconds = (performance.now() - began) / 1000
  const command = `npm run bench -- --only ${name}${options.to ? ` --to ${options.to}` : ''}`
  const facts = { command, at: new Date().toISOString(), machine: machine(), loadBefore, loadAfter: load(), seconds }
  measured[name] = { ...facts, format, result }
  if (options.quick) continue
  results.cases[name] = measured[name]
  mkdirSync(dirname(RESULTS), { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify(results, rounded, 2)}\n`)
  writeReport(results, MODULES)
}
if (options.json) console.log(JSON.stringify({ quick: options.quick, cases: measured }, rounded, 2))

async function runModule(name) {
  const to = options.to === undefined ? undefined : Number(options.to)
  const result = await MODULES[name].run({ quick: options.quick, to, log: (line) => say(`  ${line}`) })
  if (!result) return undefined
  for (const table of MODULES[name].tables(result)) say(`\n${markdown(table)}`)
  return result
}

/** What the benchmarks compare with, once. */
function install() {
  const cwd = import.meta.dirname
  if (existsSync(join(cwd, 'node_modules'))) return
  const { status } = spawnSync('npm', ['ci', '--loglevel=error'], { cwd, stdio: ['ignore', 2, 2] })
  if (status !== 0) console.error('not everything could be installed: what is missing is left out')
}

/** Six digits say all there is to say. */
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
}
