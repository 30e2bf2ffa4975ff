import type { StatsGrouping, StatsQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { followFilters, format, reading, sessionFilters } from '../options.js'
import { printOne } from '../output.js'
import { statsTable } from '../stats-table.js'

const GROUPINGS: readonly StatsGrouping[] = ['agent', 'model', 'day']

const { session, run, agent, actor, tool } = followFilters

export const stats: Command = {
  summary: 'Sums up tokens, cost, runs, failures and durations',
  options: {
    'group-by': {
      type: 'string',
      value: GROUPINGS.join('|'),
      choices: GROUPINGS,
      help: 'sums for each of these as well; days are those of UTC',
    },
    ...sessionFilters,
    session,
    run,
    agent,
    actor,
    tool,
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger stats --group-by model --since 7d', 'what each model consumed this week'],
    ['spanledger stats --group-by agent --json', 'how each agent does, for another program'],
  ],
  async run(args, io) {
    noOperands(args)
    const groupBy = args.text('group-by')
    const asked = { ...args.query(io.now()), ...(groupBy !== undefined && { groupBy }) } as StatsQuery
    await withReader(args, io, async (log) => {
      const report = await log.stats(asked)
      await printOne(io, formatOf(args), report, () => statsTable(report))
    })
  },
}
