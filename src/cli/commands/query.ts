import { confidenceOf, isClaim } from '../../events/confidence.js'
import type { LedgerEventQuery } from '../../reader/contract.js'
import { type Command, formatOf, noOperands, type ReadLog, withReader } from '../command.js'
import { cursors, eventFilters, format, listing, pending, reading } from '../options.js'
import { chained, paintFor, printAll, printOne } from '../output.js'
import { pendingEventsOf } from '../pending.js'
import { eventLine, type PrintedEvent } from '../render.js'

export const query: Command = {
  summary: 'Lists the events that match all filters, in append order',
  options: {
    ...eventFilters,
    ...listing,
    count: { type: 'boolean', help: 'only how many there are' },
    ...cursors,
    ...pending,
    ...format,
    ...reading,
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
    await withReader(args, io, async (log, parts) => {
      if (args.flag('count')) {
        const count = await log.count(asked)
        const claimed = await claimedApprovals(log, asked)
        const told = { count, ...(claimed > 0 && { claimedApprovals: claimed }) }
        await printOne(io, formatOf(args), told, () =>
          claimed > 0 ? `${count} (${claimed} of them claimed approvals)` : String(count),
        )
      } else {
        const waiting = args.flag('pending') ? pendingEventsOf(parts, asked) : []
        const lists = [log.events(asked), waiting]
        const all = chained<PrintedEvent>(...(asked.order === 'desc' ? lists.reverse() : lists))
        await printAll(io, formatOf(args), all, (event) => eventLine(event, paint))
      }
    })
  },
}

const APPROVALS = ['tool_approval_requested', 'tool_approval_granted', 'tool_approval_denied']

/**
 * Counts the approvals among the query's matches that only a client claims. A number cannot carry a mark of its own.
 */
async function claimedApprovals(log: ReadLog, query: LedgerEventQuery<string>): Promise<number> {
  const { type = APPROVALS, limit } = query
  const approvals = APPROVALS.filter((approval) => [type].flat().includes(approval))
  if (approvals.length === 0) return 0
  // A limit is one on everything that is found.
  const looked = limit === undefined ? { ...query, type: approvals } : query
  let claimed = 0
  for await (const event of log.events(looked)) {
    if (APPROVALS.includes(event.type) && isClaim(confidenceOf(event))) claimed++
  }
  return claimed
}
