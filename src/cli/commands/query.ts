import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { common, eventFilters, format, listing } from '../options.js'
import { paintFor, printAll, printOne } from '../output.js'
import { eventLine } from '../render.js'

export const query: Command = {
  summary: 'the events that pass every filter, in append order',
  options: {
    ...eventFilters,
    ...listing,
    count: { type: 'boolean', help: 'only how many there are' },
    ...format,
    ...common,
  },
  examples: [
    ['spanledger query --session s-1 --since yesterday', 'what happened in a session'],
    ['spanledger query -t tool_approval_granted --jsonl', 'every approval, for another program'],
    ['spanledger query -t run_failed --since 24h --count', 'how many runs failed'],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = args.query(io.now())
    const paint = paintFor(io)
    await withReader(args, io, async (log) => {
      if (args.flag('count')) {
        const count = await log.count(asked)
        await printOne(io, formatOf(args), { count }, () => String(count))
      } else await printAll(io, formatOf(args), log.events(asked), (event) => eventLine(event, paint))
    })
  },
}
