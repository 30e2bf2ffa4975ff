import { nearestName } from '../../events/nearest.js'
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportOptions,
  exportLog,
  type LogExport,
  OCSF_VERSIONS,
  type OcsfVersion,
} from '../../export/index.js'
import type { AuditLogReader } from '../../reader/contract.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { writeTilesTo } from '../export-tiles.js'
import { throwIfInterrupted } from '../interrupted.js'
import { type Arguments, content, cursors, eventFilters, listing, reading } from '../options.js'
import { type Io, printOne, write } from '../output.js'
import { writeFileAtOnce } from '../output-file.js'
import { Progress } from '../progress.js'
import { bytes, printableJson, printableLines } from '../text.js'
import { UsageError } from '../usage-error.js'

const DEFAULT_FORMAT = 'jsonl'

export const exportEvents: Command = {
  summary: 'Exports events for another program, oldest first, in constant memory',
  options: {
    format: {
      type: 'string',
      short: 'f',
      value: 'FORMAT',
      choices: EXPORT_FORMATS,
      help: `${EXPORT_FORMATS.join(', ')}; by default ${DEFAULT_FORMAT}, the stored bytes a line each`,
    },
    output: { type: 'string', short: 'o', value: 'FILE', help: 'write this file, which is there once it is whole' },
    force: { type: 'boolean', help: 'replace the file' },
    tiles: {
      type: 'string',
      value: 'DIR',
      help: 'a C2SP tlog-tiles log there, of all that is signed; no other option but --log or --store',
    },
    ...eventFilters,
    ...cursors,
    limit: listing.limit,
    content: {
      ...content.content,
      help: 'export content that can be read, too: diagnostics (error messages, reasons) or all; by default none. Not for jsonl',
    },
    source: { type: 'string', value: 'URI', help: 'cloudevents: what the log is called, else urn:spanledger' },
    'records-per-request': { type: 'string', value: 'N', help: 'otlp: log records of a line, by default 512' },
    'ocsf-version': {
      type: 'string',
      value: 'VERSION',
      choices: OCSF_VERSIONS,
      help: 'ocsf: 1.8.0, the default, or 1.9.0 with agents and leaf hashes',
    },
    threads: { type: 'string', value: 'N', help: 'convert on this many threads, by default one for each core' },
    json: { type: 'boolean', help: 'with --output: say as JSON what was exported' },
    jsonl: { type: 'boolean', help: 'with --output: say it as JSON in one line' },
    ...reading,
  },
  examples: [
    ['spanledger export > audit.jsonl', 'everything, byte for byte as it is stored'],
    ['spanledger export --after-seq 41999 -o audit-2.jsonl --json', 'what came since; says where the next one goes on'],
    ['spanledger export -f csv --since 2026-11-01 --until 2026-12-01 > november.csv', 'a month for a spreadsheet'],
    ['spanledger export -f ocsf --since today | siem-upload', 'for a SIEM'],
    ['spanledger export -f ocsf --content diagnostics', 'with error messages and reasons, as far as they can be read'],
    ['spanledger export --tiles public/', 'a transparency log that others can verify'],
    ['spanledger export -f parquet -o audit.parquet', 'for a data lake'],
  ],
  async run(args, io) {
    noOperands(args)
    const tiles = args.text('tiles')
    if (tiles !== undefined) return await writeTilesTo(tiles, args, io)
    const options = exportOptions(args, io)
    const file = args.text('output') ?? '-'
    const summary = formatOf(args)
    if (file === '-') refuseForStandardOutput(args, io, options.format)
    await withReader(args, io, async (log) => {
      const exported = begin(log, options)
      const written = await (file === '-'
        ? toStandardOutput(exported, options.format, io)
        : toFile(file, args, exported, io))
      const { events, firstSeq, lastSeq, afterSeq, cursor, removedEntries } = exported
      if (file !== '-' && summary !== 'text') {
        const { format } = options
        const next = cursor === undefined ? { afterSeq } : { cursor }
        const tally = { events, firstSeq, lastSeq, ...next, removedEntries }
        await printOne(io, summary, { file, format, ...tally, bytes: written }, () => '')
      } else {
        if (io.err.isTTY) io.err.write(`${summaryText(exported, written)}\n`)
        if (removedEntries > 0) io.err.write(`${removedText(removedEntries)}\n`)
      }
    })
  },
}

function exportOptions(args: Arguments, io: Io): ExportOptions {
  const { order: _, content: choice, ...query } = args.query(io.now())
  const [source, recordsPerRequest] = [args.text('source'), args.number('records-per-request')]
  const [threads, ocsfVersion] = [args.number('threads'), args.text('ocsf-version')]
  return {
    format: exportFormat(args.text('format') ?? DEFAULT_FORMAT),
    query,
    // The export refuses any other.
    ...(choice !== undefined && { content: choice }),
    ...(source !== undefined && { source }),
    ...(recordsPerRequest !== undefined && { recordsPerRequest }),
    ...(threads !== undefined && { threads }),
    // The export refuses any other.
    ...(ocsfVersion !== undefined && { ocsfVersion: ocsfVersion as OcsfVersion }),
  }
}

function exportFormat(name: string): ExportFormat {
  const known = EXPORT_FORMATS.find((format) => format === name)
  if (known) return known
  const nearest = nearestName(name, EXPORT_FORMATS)
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  throw new UsageError(`--format: '${name}' is none of ${EXPORT_FORMATS.join(', ')}${hint}`)
}

function refuseForStandardOutput(args: Arguments, { out }: Io, format: ExportFormat): void {
  for (const name of ['json', 'jsonl', 'force']) {
    if (args.flag(name)) throw new UsageError(`--${name} is for an export to a file: give --output as well`)
  }
  if (format === 'parquet' && out.isTTY) throw new UsageError('parquet is nothing for a terminal: give --output FILE')
}

function begin(log: AuditLogReader, options: ExportOptions): LogExport {
  try {
    return exportLog(log, options)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.replace(/^exportLog/, 'export'))
  }
}

/** Byte for byte, but on a terminal: chunks are whole lines, and what is said in them stays the same. */
async function toStandardOutput(exported: LogExport, format: ExportFormat, io: Io): Promise<number> {
  if (!io.out.isTTY) return await pump(exported, io, false, (chunk) => write(io.out, chunk))
  const shown = format === 'csv' ? printableLines : printableJson
  return await pump(exported, io, true, (chunk) => write(io.out, shown(Buffer.from(chunk).toString())))
}

async function toFile(file: string, args: Arguments, exported: LogExport, io: Io): Promise<number> {
  let written = 0
  await writeFileAtOnce(file, args.flag('force'), async (put) => {
    written = await pump(exported, io, false, put)
  })
  return written
}

async function pump(
  exported: LogExport,
  io: Io,
  isOnTerminal: boolean,
  put: (chunk: Uint8Array) => Promise<void>,
): Promise<number> {
  const progress = new Progress(io, isOnTerminal)
  let written = 0
  try {
    for await (const chunk of exported) {
      throwIfInterrupted(io)
      await put(chunk)
      written += chunk.length
      progress.show(() => `${exported.events} events${reached(exported)} of ${exported.size}, ${bytes(written)}`)
    }
  } finally {
    progress.clear()
  }
  return written
}

function reached({ lastSeq }: LogExport): string {
  return lastSeq === undefined ? '' : `, at seq ${lastSeq}`
}

function removedText(count: number): string {
  const entries = count === 1 ? 'removed entry' : 'removed entries'
  return `${count} ${entries} of the log are left out, so that no line tells its position; --tiles exports the whole tree`
}

function summaryText({ events, firstSeq, lastSeq, afterSeq, cursor }: LogExport, written: number): string {
  if (cursor !== undefined) return `${events} events, ${bytes(written)}; the next export goes on with --after ${cursor}`
  const range = events === 0 ? '' : `, seq ${firstSeq} to ${lastSeq}`
  return `${events} events${range}, ${bytes(written)}; the next export goes on with --after-seq ${afterSeq}`
}
