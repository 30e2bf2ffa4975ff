import { confidenceOf, isClaim } from '../../events/confidence.js'
import type { AuditLogReader } from '../../reader/contract.js'
import type { EventQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { common, eventFilters, format, listing } from '../options.js'
import { paintFor, printAll, printOne } from '../output.js'
import { eventLine } from '../render.js'

export const query: Command = {
  summary: 'Lists the events that match all filters, in append order',
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
        const claimed = await claimedApprovals(log, asked)
        const told = { count, ...(claimed > 0 && { claimedApprovals: claimed }) }
        await printOne(io, formatOf(args), told, () =>
          claimed > 0 ? `${count} (${claimed} of them claimed approvals)` : String(count),
        )
      } else await printAll(io, formatOf(args), log.events(asked), (event) => eventLine(event, paint))
    })
  },
}

const APPROVALS = ['tool_approval_requested', 'tool_approval_granted', 'tool_approval_denied']

/**
 * Counts the approvals among the query's matches that only a client claims. A number cannot carry a mark of its own.
 */
async function claimedApprovals(log: AuditLogReader, query: EventQuery<string>): Promise<number> {
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
