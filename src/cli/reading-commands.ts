import type { StoredEvent } from '../events/types.js'
import type { AuditLogReader } from '../reader/contract.js'
import type { RunQuery, SessionQuery } from '../reader/query.js'
import { LIFECYCLE_TYPES } from '../reader/run-status.js'
import { type Command, CommandFailed, formatOf, noOperands, withReader } from './command.js'
import { CSV_HEADER, csvRow } from './csv.js'
import { common, eventFilters, followFilters, format, listing, runFilters, sessionFilters, tenant } from './options.js'
import { paintFor, printAll, write } from './output.js'
import { eventLine, runLine, sessionLine, treeLines } from './render.js'
import { UsageError } from './usage-error.js'

const DEFAULT_TAIL = 10
const DEFAULT_LIST = 20
const MAX_CANDIDATES = 5

export const tail: Command = {
  summary: 'the latest events, and with -f those that come',
  options: {
    ...followFilters,
    limit: { ...listing.limit, help: `begin with this many, by default ${DEFAULT_TAIL}` },
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes, until interrupted' },
    jsonl: format.jsonl,
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
    })
  },
}

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
      if (args.flag('count')) await write(io.out, `${await log.count(asked)}\n`)
      else await printAll(io, formatOf(args), log.events(asked), (event) => eventLine(event, paint))
    })
  },
}

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

export const sessions: Command = {
  summary: 'sessions, the newest first',
  options: { ...sessionFilters, ...listing, ...format, ...common },
  examples: [['spanledger sessions --since today', 'who was here today']],
  async run(args, io) {
    noOperands(args)
    const asked = { order: 'desc', limit: DEFAULT_LIST, ...args.query(io.now()) } as SessionQuery
    await withReader(args, io, (log) => printAll(io, formatOf(args), log.sessions(asked), sessionLine))
  },
}

export const show: Command = {
  summary: 'one run as a tree: times, tokens, tools, errors, sub-runs',
  operand: 'RUN',
  options: { tenant, json: format.json, ...common },
  examples: [
    ['spanledger show r-4711', 'one run; the beginning of its id will do'],
    ["spanledger show r-4711 --json | jq '.totalUsage'", 'what it consumed with its sub-runs'],
  ],
  async run(args, io) {
    const [asked, ...more] = args.positionals
    if (asked === undefined || asked === '' || more.length > 0) throw new UsageError('show: name one run')
    const ref = { ...(args.text('tenant') !== undefined && { tenantId: args.text('tenant') as string }) }
    await withReader(args, io, async (log) => {
      const run = (await log.run(asked, ref)) ?? (await log.run(await runBeginningWith(log, asked, ref), ref))
      if (!run) throw new CommandFailed(`there is no run '${asked}'`)
      const text = args.flag('json') ? JSON.stringify(run, null, 2) : treeLines(run, paintFor(io)).join('\n')
      await write(io.out, `${text}\n`)
    })
  },
}

/** Looks through the starts and ends of all runs: an index of prefixes there is none. */
async function runBeginningWith(
  log: AuditLogReader,
  prefix: string,
  ref: { readonly tenantId?: string },
): Promise<string> {
  const found = new Set<string>()
  for await (const { runId } of log.events({ ...ref, type: LIFECYCLE_TYPES, order: 'desc' })) {
    if (runId?.startsWith(prefix)) found.add(runId)
    if (found.size > MAX_CANDIDATES) break
  }
  const [only, ...others] = found
  if (only === undefined) throw new CommandFailed(`there is no run '${prefix}', and none whose id begins so`)
  if (others.length === 0) return only
  const candidates = [...found].slice(0, MAX_CANDIDATES).join(', ')
  throw new CommandFailed(
    `several runs begin with '${prefix}': ${candidates}${found.size > MAX_CANDIDATES ? ', …' : ''}`,
  )
}

export const exportEvents: Command = {
  summary: 'events for another program, oldest first, in constant memory',
  options: {
    format: { type: 'string', value: 'jsonl|csv', help: 'JSON Lines, the default, or CSV (RFC 4180)' },
    ...eventFilters,
    limit: listing.limit,
    ...common,
  },
  examples: [
    ['spanledger export > audit.jsonl', 'everything'],
    ['spanledger export --after-seq 41999', 'what came after an earlier export that ended with seq 41999'],
    [
      'spanledger export --format csv --since 2026-11-01 --until 2026-12-01 > november.csv',
      'a month for a spreadsheet',
    ],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = args.query(io.now())
    const kind = args.text('format') ?? 'jsonl'
    if (kind !== 'jsonl' && kind !== 'csv') throw new UsageError(`--format: '${kind}' is neither jsonl nor csv`)
    await withReader(args, io, async (log) => {
      if (kind === 'csv') await write(io.out, CSV_HEADER)
      for await (const event of log.events(asked)) {
        await write(io.out, kind === 'csv' ? csvRow(event) : `${JSON.stringify(event)}\n`)
      }
    })
  },
}

async function* chained(first: readonly StoredEvent[], then: AsyncIterable<StoredEvent>): AsyncGenerator<StoredEvent> {
  yield* first
  yield* then
}

async function* none(): AsyncGenerator<never> {}
