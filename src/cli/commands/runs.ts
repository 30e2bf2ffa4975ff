import type { RunQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { type Arguments, DEFAULT_LIST, format, reading, runFilters, shortList } from '../options.js'
import { paintFor, printAll } from '../output.js'
import { runLine } from '../render.js'
import { UsageError } from '../usage-error.js'

export const runs: Command = {
  summary: 'Lists runs, newest first',
  options: {
    ...runFilters,
    'min-total-tokens': { type: 'string', value: 'N', help: 'that used this many tokens or more, sub-runs apart' },
    'min-cost': { type: 'string', value: 'USD', help: 'that cost this much or more, sub-runs apart' },
    'min-duration': { type: 'string', value: 'MILLIS', help: 'that took so many milliseconds or more' },
    ...shortList,
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger runs', `the latest ${DEFAULT_LIST}`],
    ['spanledger runs --status failed --status interrupted --since 2h', 'what went wrong lately'],
    ['spanledger runs --status running', 'what is under way'],
    ['spanledger runs --min-cost 0.5 --since 7d', 'what was expensive this week'],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = { order: 'desc', limit: DEFAULT_LIST, ...args.query(io.now()), ...least(args) } as RunQuery
    const paint = paintFor(io)
    await withReader(args, io, (log) => printAll(io, formatOf(args), log.runs(asked), (run) => runLine(run, paint)))
  },
}

/** @throws UsageError */
function least(args: Arguments): Partial<RunQuery> {
  const fields = { minTotalTokens: 'min-total-tokens', minCostUsd: 'min-cost', minDurationMs: 'min-duration' }
  const least: Record<string, number> = {}
  for (const [field, option] of Object.entries(fields)) {
    const text = args.text(option)
    if (text === undefined) continue
    if (!/^\d{1,15}(\.\d{1,15})?$/.test(text)) throw new UsageError(`--${option}: '${text}' is no number of at least 0`)
    least[field] = Number(text)
  }
  return least
}
