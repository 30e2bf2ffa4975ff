import { LIFECYCLE_TYPES } from '../../events/run-status.js'
import type { AuditLogReader } from '../../reader/contract.js'
import { type Command, CommandFailed, formatOf, withReader } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { type EventsOf, fullRun } from '../full-run.js'
import { throwIfInterrupted } from '../interrupted.js'
import { format, pending, reading, tenant } from '../options.js'
import { chained, type Format, type Io, paintFor, printOne, printStreamed } from '../output.js'
import type { PendingPart } from '../pending.js'
import { type PendingEvent, pendingEventsOf } from '../pending-events.js'
import { Progress } from '../progress.js'
import { eventLine } from '../render.js'
import { StreamedObject } from '../streamed-json.js'
import { printable } from '../text.js'
import { type StepsOf, treeLines } from '../tree-lines.js'
import { UsageError } from '../usage-error.js'

const MAX_CANDIDATES = 5

export const show: Command = {
  summary: 'Shows one run as a tree: tenant and user, times, tokens, tools, approvals, errors, sub-runs',
  operand: 'RUN',
  options: {
    tenant,
    pending: {
      ...pending.pending,
      help: 'also the events of the run that are not committed yet; they have no position',
    },
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger show r-4711', 'one run; the beginning of its id will do'],
    ["spanledger show r-4711 --json | jq '.totalUsage'", 'what it consumed with its sub-runs'],
  ],
  async run(args, io) {
    const [asked, ...more] = args.positionals
    if (asked === undefined || asked === '' || more.length > 0)
      throw new UsageError("show: name one run; 'spanledger runs' lists them")
    const ref = { ...(args.text('tenant') !== undefined && { tenantId: args.text('tenant') as string }) }
    await withReader(args, io, async (log, parts) => {
      const shown = args.flag('pending') ? parts : []
      const whole = await log.run(asked, ref)
      const isNamed = whole !== undefined || (await pendingOf(shown, { ...ref, runId: asked })).length > 0
      const runId = isNamed ? asked : await runBeginningWith(log, shown, { prefix: asked, ref }, io)
      const waiting = await pendingOf(shown, { ...ref, runId })
      const run = whole ?? (await log.run(runId, ref))
      if (!run && waiting.length > 0) return await printPending(io, formatOf(args), waiting)
      if (!run) throw new CommandFailed(`there is no run '${asked}'`, { exitCode: EXIT.noInput })
      const stepsOf: StepsOf = ({ runId, tenantId }) => log.run(runId, { tenantId }).steps()
      const eventsOf: EventsOf = ({ runId, tenantId }, type) =>
        log.events({ runId, tenantId, type, content: 'diagnostics' })
      const paint = paintFor(io)
      const lines = () =>
        chained(
          treeLines(run, stepsOf, paint),
          waiting.map((event) => eventLine(event, paint)),
        )
      await printStreamed(io, formatOf(args), withPending(fullRun(run, stepsOf, eventsOf), waiting), lines)
    })
  },
}

/** Prints a run of which nothing is committed yet. */
async function printPending(io: Io, format: Format, waiting: readonly PendingEvent[]): Promise<void> {
  const paint = paintFor(io)
  await printOne(io, format, { pending: waiting }, () => waiting.map((event) => eventLine(event, paint)).join('\n'))
}

function withPending(run: StreamedObject, waiting: readonly PendingEvent[]): StreamedObject {
  return waiting.length === 0 ? run : new StreamedObject([...run.members, ['pending', waiting]])
}

async function pendingOf(
  parts: readonly PendingPart[],
  query: { readonly tenantId?: string; readonly runId?: string },
): Promise<readonly PendingEvent[]> {
  const events: PendingEvent[] = []
  for await (const event of pendingEventsOf(parts, query)) events.push(event)
  return events
}

/** A run of which the beginning of the id is known. */
interface Beginning {
  readonly prefix: string
  readonly ref: { readonly tenantId?: string }
}

/** Looks through the starts and ends of all runs, and through what is pending: an index of prefixes there is none. */
async function runBeginningWith(
  log: AuditLogReader,
  parts: readonly PendingPart[],
  { prefix, ref }: Beginning,
  io: Io,
): Promise<string> {
  const found = new Set<string>()
  for await (const { runId } of pendingEventsOf(parts, ref)) if (runId?.startsWith(prefix)) found.add(runId)
  const progress = new Progress(io)
  for await (const { runId, seq } of log.events({ ...ref, type: LIFECYCLE_TYPES, order: 'desc' })) {
    throwIfInterrupted(io)
    progress.show(() => `looking for runs that begin with '${printable(prefix)}', at seq ${seq}`)
    if (runId?.startsWith(prefix)) found.add(runId)
    if (found.size > MAX_CANDIDATES) break
  }
  progress.clear()
  const [only, ...others] = found
  if (only === undefined)
    throw new CommandFailed(`there is no run '${prefix}', and none whose id begins so`, { exitCode: EXIT.noInput })
  if (others.length === 0) return only
  const candidates = [...found].slice(0, MAX_CANDIDATES).join(', ')
  throw new CommandFailed(
    `several runs begin with '${prefix}': ${candidates}${found.size > MAX_CANDIDATES ? ', …' : ''}`,
  )
}
