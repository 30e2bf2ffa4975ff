import type { RunQuery } from '../../reader/query.js'
import { type Command, DEFAULT_LIST, formatOf, noOperands, withReader } from '../command.js'
import { common, format, listing, runFilters } from '../options.js'
import { paintFor, printAll } from '../output.js'
import { runLine } from '../render.js'

export const runs: Command = {
  summary: 'runs, the newest first',
  options: { ...runFilters, ...listing, ...format, ...common },
  examples: [
    ['spanledger runs', `the latest ${DEFAULT_LIST}`],
    ['spanledger runs --status failed --status interrupted --since 2h', 'what went wrong lately'],
    ['spanledger runs --status running', 'what is under way'],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = { order: 'desc', limit: DEFAULT_LIST, ...args.query(io.now()) } as RunQuery
    const paint = paintFor(io)
    await withReader(args, io, (log) => printAll(io, formatOf(args), log.runs(asked), (run) => runLine(run, paint)))
  },
}
