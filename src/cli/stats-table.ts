import type { StatsReport, StatsTotals } from '../reader/summaries/stats-report.js'
import { cost, duration, printable, shortened } from './text.js'

const MAX_NAME_LENGTH = 40

const HEADINGS = [
  '',
  'tokens',
  'in',
  'out',
  'cost',
  'calls',
  'runs',
  'failed',
  'interrupted',
  'p50',
  'p95',
  'tools',
  'failed',
  'errors',
]

/** A line for each group, and one for the total. */
export function statsTable({ total, groups, others }: StatsReport): string {
  const rows = [
    HEADINGS,
    ...groups.map((group) => cells(nameOf(group.agent?.name ?? group.key), group)),
    ...(others ? [cells('others', others)] : []),
    cells('total', total),
  ]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

function nameOf(name: string | undefined): string {
  return name === undefined ? '–' : shortened(printable(name), MAX_NAME_LENGTH)
}

function cells(name: string, { usage, modelCalls, runs, toolCalls, errors, runDurations }: StatsTotals): string[] {
  const ended = runs.completed + runs.failed + runs.cancelled + runs.interrupted
  return [
    name,
    ...[usage.totalTokens, usage.inputTokens, usage.outputTokens].map(String),
    usage.costUsd === undefined ? '' : cost(usage.costUsd),
    ...[modelCalls, ended, runs.failed, runs.interrupted].map(String),
    duration(runDurations?.p50Ms),
    duration(runDurations?.p95Ms),
    ...[toolCalls.completed + toolCalls.failed, toolCalls.failed, errors].map(String),
  ]
}
