import { confidenceOf, isClaim } from '../../events/confidence.js'
import type { StoredEvent } from '../../events/types.js'
import type { LedgerEventQuery } from '../../reader/contract.js'
import { type Command, formatOf, noOperands, type ReadLog, withReader } from '../command.js'
import { content, cursors, eventFilters, format, listing, pending, reading } from '../options.js'
import { chained, limited, paintFor, printAll, printOne } from '../output.js'
import { type PendingEvent, pendingEventsOf } from '../pending-events.js'
import { eventLine, type PrintedEvent } from '../render.js'

export const query: Command = {
  summary: 'Lists the events that match all filters, in append order',
  options: {
    ...eventFilters,
    ...listing,
    count: { type: 'boolean', help: 'only how many there are, with --pending those that are not committed too' },
    ...cursors,
    ...content,
    ...pending,
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger query --session s-1 --since yesterday', 'what happened in a session'],
    ['spanledger query -t tool_approval_granted --jsonl', 'every approval, for another program'],
    ['spanledger query -t run_failed --since 24h --count', 'how many runs failed'],
    ['spanledger query -t error_occurred --content diagnostics', 'what went wrong, with the messages'],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = args.query(io.now())
    const paint = paintFor(io)
    await withReader(args, io, async (log, parts) => {
      const waiting = args.flag('pending') ? pendingEventsOf(parts, asked) : undefined
      if (args.flag('count')) {
        const counted = await countedOf(log, asked, waiting)
        return await printOne(io, formatOf(args), counted, () => countText(counted))
      }
      // What is not committed is behind every position.
      const lists = [log.events(asked), waiting ?? []]
      const all = chained<PrintedEvent>(...(asked.order === 'desc' ? lists.reverse() : lists))
      await printAll(io, formatOf(args), limited(all, asked.limit ?? Infinity), (event) => eventLine(event, paint))
    })
  },
}

/** The number of events that there are. */
interface Counted {
  readonly count: number
  /** Those that are not committed yet; left out where nobody asked for them. */
  readonly pending?: number
  readonly claimedApprovals?: number
}

async function countedOf(
  log: ReadLog,
  query: LedgerEventQuery<string>,
  waiting: AsyncIterable<PendingEvent> | undefined,
): Promise<Counted> {
  const { limit, order } = query
  const committed = await log.events(query).count()
  const pending: PendingEvent[] = []
  for await (const event of waiting ?? []) pending.push(event)
  const count = Math.min(committed + pending.length, limit ?? Infinity)
  // Of a list that ends before all are there, the pending events are the end, or the beginning.
  const shown = pending.slice(0, order === 'desc' ? undefined : count - committed)
  const left = count - shown.length
  const claimed =
    (left === 0 ? 0 : await claimedApprovals(log, limit === undefined ? query : { ...query, limit: left })) +
    shown.filter(isClaimedApproval).length
  return { count, ...(waiting && { pending: shown.length }), ...(claimed > 0 && { claimedApprovals: claimed }) }
}

function countText({ count, pending = 0, claimedApprovals = 0 }: Counted): string {
  const parts = [
    ...(pending > 0 ? [`${pending} of them not committed yet`] : []),
    ...(claimedApprovals > 0 ? [`${claimedApprovals} of them claimed approvals`] : []),
  ]
  return parts.length === 0 ? String(count) : `${count} (${parts.join(', ')})`
}

function isClaimedApproval(event: Pick<StoredEvent, 'type' | 'source'>): boolean {
  return APPROVALS.includes(event.type) && isClaim(confidenceOf(event))
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
    if (isClaimedApproval(event)) claimed++
  }
  return claimed
}
