import type { StoredEvent } from '../../events/types.js'
import type { FollowQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, type ReadLog, withReader } from '../command.js'
import { throwIfInterrupted } from '../interrupted.js'
import { followFilters, format, listing, pending, reading } from '../options.js'
import { chained, paintFor, printAll } from '../output.js'
import { pendingEventsOf } from '../pending.js'
import { eventLine, type PrintedEvent } from '../render.js'

const DEFAULT_TAIL = 10

export const tail: Command = {
  summary: 'Shows the latest events; -f keeps following',
  options: {
    ...followFilters,
    limit: { ...listing.limit, help: `begin with this many, by default ${DEFAULT_TAIL}` },
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes, until interrupted' },
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
      const { latest, following } = await from(log, filters, limit, io.signal)
      const waiting = args.flag('pending') ? pendingEventsOf(parts, filters) : []
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

async function from(log: ReadLog, filters: FollowQuery<string>, limit: number, signal: AbortSignal): Promise<Tail> {
  if ('cursor' in log) {
    const cursor = await log.cursor()
    const latest = await log.events({ ...filters, before: cursor, order: 'desc', limit }).toArray()
    return { latest, following: log.follow(filters, { after: cursor, signal }) }
  }
  const { size } = await log.head()
  const latest = await log.events({ ...filters, beforeSeq: size, order: 'desc', limit }).toArray()
  return { latest, following: log.follow(filters, { afterSeq: size - 1, signal }) }
}
