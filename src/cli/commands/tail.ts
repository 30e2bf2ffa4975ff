import type { StoredEvent } from '../../events/types.js'
import type { LedgerEventQuery } from '../../reader/contract.js'
import type { FollowQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, type ReadLog, withReader } from '../command.js'
import { throwIfInterrupted } from '../interrupted.js'
import { content, followFilters, format, listing, pending, reading } from '../options.js'
import { chained, paintFor, printAll } from '../output.js'
import { type PendingEvent, pendingEventsOf } from '../pending-events.js'
import { eventLine, type PrintedEvent } from '../render.js'

const DEFAULT_TAIL = 10

export const tail: Command = {
  summary: 'Shows the latest events; -f keeps following',
  options: {
    ...followFilters,
    limit: { ...listing.limit, help: `begin with this many, by default ${DEFAULT_TAIL}` },
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes, until interrupted' },
    ...content,
    ...pending,
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger tail -f', 'watch the log of ./audit'],
    ['spanledger tail -f -t run_failed -t error_occurred --log /var/lib/app/audit', 'watch what goes wrong'],
  ],
  async run(args, io) {
    noOperands(args)
    const { limit = DEFAULT_TAIL, ...filters } = args.query(io.now())
    const paint = paintFor(io)
    await withReader(args, io, async (log, parts) => {
      const waiting: PendingEvent[] = []
      const newest = pendingEventsOf(args.flag('pending') ? parts : [], { ...filters, order: 'desc', limit })
      for await (const event of newest) waiting.unshift(event)
      const { latest, following } = await from(log, filters, limit - waiting.length, io.signal)
      const events = args.flag('follow') ? following : []
      const all = chained<PrintedEvent>(latest.reverse(), waiting, events)
      await printAll(io, formatOf(args), all, (event) => eventLine(event, paint))
      // However long its end takes, the exit code is the one that an interrupted process has.
      throwIfInterrupted(io)
    })
  },
}

/** The latest events, and those that follow them. */
interface Tail {
  readonly latest: StoredEvent[]
  readonly following: AsyncIterable<StoredEvent>
}

/** @param limit - 0 for none */
async function from(log: ReadLog, filters: FollowQuery<string>, limit: number, signal: AbortSignal): Promise<Tail> {
  const latestOf = async (position: LedgerEventQuery<string>) =>
    limit === 0 ? [] : await log.events({ ...filters, ...position, order: 'desc', limit }).toArray()
  if ('cursor' in log) {
    const cursor = await log.cursor()
    return { latest: await latestOf({ before: cursor }), following: log.follow(filters, { after: cursor, signal }) }
  }
  const { size } = await log.head()
  return { latest: await latestOf({ beforeSeq: size }), following: log.follow(filters, { afterSeq: size - 1, signal }) }
}
