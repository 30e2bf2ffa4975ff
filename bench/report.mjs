// Makes the tables of docs/performance.md, the README's summary and the plot out of results/latest.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BASELINE } from './baseline.mjs'
import { barChart } from './plot.mjs'

const ROOT = join(import.meta.dirname, '..')
const PLOTTED_ENTRY_BYTES = 600
const PLOTTED_TICKS = [64, 1024]
const SUMMARISED_TICKS = [1, 8, 64, 1024]

/** A load above this many times the cores means that something else was running. */
const QUIET_LOAD_PER_CORE = 1.25

/**
 * Puts tables between the marks `<!-- bench:name -->` and `<!-- /bench -->` of the pages. Where a benchmark measures
 * something else by now than what its last results are of, the table stays as it is until it is run again.
 */
export function writeReport({ cases }, modules) {
  const current = Object.entries(cases).filter(([name, { format }]) => modules[name]?.format === format)
  const sections = Object.fromEntries(current.map(([name, outcome]) => [name, section(name, outcome, modules[name])]))
  fill('docs/performance.md', sections)
  if (sections.ingest === undefined) return
  fill('README.md', { summary: summary(cases.ingest) })
  writeFileSync(join(ROOT, 'docs/performance.svg'), plot(cases.ingest))
}

function section(name, { machine, loadBefore, loadAfter, command, seconds, result }, module) {
  const body = module.tables(result).map(markdown).join('\n\n')
  const busy = wasBusy({ machine, loadBefore })
  const lines = [
    `\`${command}\`, ${Math.round(seconds)} s; ${machine.cores} cores, ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.platform}, Node.js ${machine.node.slice(1)}; fsync of 600 B ${machine.fsyncMillis} ms; load ${loadBefore} before, ${loadAfter} after.`,
  ]
  if (busy)
    lines.push(
      `**Provisional: the machine was busy with other work during this run. Run \`npm run bench -- --only ${name}\` on a quiet one.**`,
    )
  return [...lines, body].join('\n\n')
}

/** A benchmark that keeps all cores busy itself leaves a load of its own behind: that before it counts. */
function wasBusy({ machine, loadBefore }) {
  return loadBefore > machine.cores * QUIET_LOAD_PER_CORE
}

export function markdown({ title, columns, rows }) {
  const row = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [
    `${title}:`,
    '',
    row(columns),
    row(columns.map((_, at) => (at === 0 ? '---' : '---:'))),
    ...rows.map(row),
  ].join('\n')
}

function summary(ingest) {
  const { result, machine } = ingest
  const busy = wasBusy(ingest)
  const workloads = SUMMARISED_TICKS.map((ticks) => workloadOf(result, ticks)).filter((each) => each !== undefined)
  const names = new Set(workloads.flatMap(({ sides }) => sides.map(({ side }) => side)))
  const ratioOf = (workload, name) => workload.sides.find(({ side }) => side === name)?.oursIsTimes.median
  const table = markdown({
    title: `Durable events a second, entries of ${PLOTTED_ENTRY_BYTES} B, ${machine.cores} cores${busy ? ' (provisional: measured on a busy machine)' : ''}: Spanledger is so many times as fast`,
    columns: ['as', ...workloads.map(({ eventsPerTick }) => `${eventsPerTick.toLocaleString('en')} a tick`)],
    rows: [...names]
      .filter((name) => !name.startsWith('Spanledger'))
      .map((name) => [name, ...workloads.map((workload) => ratioOf(workload, name)?.toFixed(2) ?? '')]),
  })
  return `${table}\n\n![Durable events a second](docs/performance.svg)`
}

function plot({ result, ...circumstances }) {
  const provisional = wasBusy(circumstances) ? ' (provisional)' : ''
  const panels = PLOTTED_TICKS.flatMap((ticks) => {
    const workload = workloadOf(result, ticks)
    if (!workload) return []
    return {
      title: `Entries of ${PLOTTED_ENTRY_BYTES} B, ${ticks.toLocaleString('en')} events a tick${provisional}`,
      bars: workload.sides.map(({ side, perSecond }) => ({
        label: side,
        value: perSecond.median,
        text: Math.round(perSecond.median).toLocaleString('en'),
        isOurs: side.startsWith('Spanledger'),
      })),
    }
  })
  return barChart({
    title: 'Durable events a second, Spanledger beside what else one could use',
    axis: 'durable events a second: a longer bar is better',
    panels,
  })
}

/** Without the former version: summary and plot compare with what else one could use. */
function workloadOf({ workloads }, ticks) {
  const workload = workloads.find((each) => each.entryBytes === PLOTTED_ENTRY_BYTES && each.eventsPerTick === ticks)
  return workload && { ...workload, sides: workload.sides.filter(({ name }) => name !== BASELINE) }
}

function fill(page, sections) {
  const path = join(ROOT, page)
  const text = readFileSync(path, 'utf8').replace(
    /(<!-- bench:([\w-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g,
    (whole, begin, name, end) => (sections[name] === undefined ? whole : `${begin}\n${sections[name]}\n\n${end}`),
  )
  writeFileSync(path, text)
}
