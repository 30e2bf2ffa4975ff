import type { StoredEvent } from '../../events/types.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { throwIfInterrupted } from '../interrupted.js'
import { common, followFilters, format, listing } from '../options.js'
import { paintFor, printAll } from '../output.js'
import { eventLine } from '../render.js'

const DEFAULT_TAIL = 10

export const tail: Command = {
  summary: 'Shows the latest events; -f keeps following',
  options: {
    ...followFilters,
    limit: { ...listing.limit, help: `begin with this many, by default ${DEFAULT_TAIL}` },
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes, until interrupted' },
    ...format,
    ...common,
  },
  examples: [
    ['spanledger tail -f', 'watch the log of ./audit'],
    ['spanledger tail -f -t run_failed -t error_occurred --log /var/lib/app/audit', 'watch what goes wrong'],
  ],
  async run(args, io) {
    noOperands(args)
    const { limit = DEFAULT_TAIL, ...filters } = args.query(io.now())
    const paint = paintFor(io)
    await withReader(args, io, async (log) => {
      const { size } = await log.head()
      const latest = await log.events({ ...filters, beforeSeq: size, order: 'desc', limit }).toArray()
      const events = args.flag('follow') ? log.follow(filters, { afterSeq: size - 1, signal: io.signal }) : none()
      await printAll(io, formatOf(args), chained(latest.reverse(), events), (event) => eventLine(event, paint))
      // However long its end takes, the exit code is the one that an interrupted process has.
      throwIfInterrupted(io)
    })
  },
}

async function* chained(first: readonly StoredEvent[], then: AsyncIterable<StoredEvent>): AsyncGenerator<StoredEvent> {
  yield* first
  yield* then
}

async function* none(): AsyncGenerator<never> {}
