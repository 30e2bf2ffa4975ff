import { AuditLogError } from '../../events/errors.js'
import { openAuditLogReader } from '../../reader/open.js'
import { verifyLedgerDirectory } from '../../reader/verify.js'
import type { VerifyOptions } from '../../verify/options.js'
import type { LedgerReport, VerifyReport } from '../../verify/report.js'
import { verifySource } from '../../verify/verify-log.js'
import { type Command, directoryOperand, formatOf, type LogLocation, locationOf } from '../command.js'
import { VERDICTS } from '../exit-codes.js'
import { Interrupted } from '../interrupted.js'
import { common, format } from '../options.js'
import { type Io, paintFor, printOne } from '../output.js'
import { storeAt } from '../postgres.js'
import { Progress } from '../progress.js'
import { reportStaged } from '../report-pending.js'
import { UsageError } from '../usage-error.js'
import { type Given, givenBy } from '../verify/given.js'
import { copyAt } from '../verify/log-source.js'
import { verifyOneReceipt } from '../verify/receipt.js'
import { verdictText } from '../verify/report-text.js'
import { usageErrorFor } from '../verify/usage-error-for.js'

export const verify: Command = {
  summary: 'Verifies a log, a ledger or a copy against its signed checkpoints; its exit code is the verdict',
  operand: '[DIR|FILE]',
  options: {
    vkey: {
      type: 'string',
      short: 'k',
      multiple: true,
      value: 'VKEY',
      help: "trust this key, or those of a file with keys; that of log 0 is a ledger's; may be repeated",
    },
    checkpoint: {
      type: 'string',
      short: 'c',
      multiple: true,
      value: 'FILE',
      help: 'compare the log with the checkpoints in this file, kept elsewhere, of one log or several; may be repeated',
    },
    'witness-vkey': {
      type: 'string',
      multiple: true,
      value: 'VKEY',
      help: 'trust the cosignatures of this witness, or of those in a file; may be repeated',
    },
    'witness-quorum': { type: 'string', value: 'N', help: 'ask for the cosignatures of N witnesses, by default 1' },
    strict: {
      type: 'boolean',
      help: 'fail (6) unless the key and a checkpoint or witness come from elsewhere, and signed checkpoints cover all but the newest entries',
    },
    'checkpoint-interval': {
      type: 'string',
      value: 'MILLIS',
      help: "with --strict: the log's interval between checkpoints, by default 1000",
    },
    receipt: { type: 'string', value: 'FILE', help: 'verify this receipt of one entry, without the log' },
    entry: {
      type: 'string',
      value: 'FILE',
      help: 'with --receipt: the file with the bytes of the entry, when the receipt does not contain them',
    },
    'entries-only': { type: 'boolean', help: 'leave out the index, which follows from the entries' },
    threads: { type: 'string', value: 'N', help: 'use this many threads, by default one for each core' },
    ...format,
    ...common,
  },
  examples: [
    ['spanledger verify /var/lib/app/audit --vkey log.vkey', 'verify a log by a key that was noted elsewhere'],
    [
      'spanledger verify --vkey log.vkey --checkpoint last-month.txt',
      'check that the log continues an older checkpoint',
    ],
    ['spanledger verify --strict -k log.vkey -c last-month.txt', 'fail unless the proof rests on more than the log'],
    ['spanledger verify audit.jsonl -k log.vkey -c last-month.txt', 'verify an export in JSON Lines'],
    ['spanledger verify --store postgres://auditor@db/audit#payments -k log.vkey', 'verify a log in PostgreSQL'],
    ['spanledger verify --receipt 4711.receipt -k log.vkey', 'verify one entry without the log'],
  ],
  async run(args, io) {
    if (args.text('receipt') !== undefined) return await verifyOneReceipt(args, io)
    if (args.text('entry') !== undefined) throw new UsageError('--entry goes with --receipt')
    const path = directoryOperand(args)
    const location = locationOf(args, io, path)
    const given = await givenBy(args, location)
    const progress = new Progress(io)
    try {
      const report = await verifyAt(location, given, io, progress)
      progress.clear()
      const exitCode = VERDICTS[report.status]
      io.watcher?.concludes(exitCode)
      await printOne(io, formatOf(args), report, () => verdictText(report, paintFor(io)))
      return exitCode
    } catch (error) {
      if (io.signal.aborted) throw new Interrupted()
      progress.clear()
      if (isNoLog(error) && 'directory' in location) await reportStaged(io, location.directory).catch(() => undefined)
      throw usageErrorFor(error)
    } finally {
      progress.clear()
    }
  },
}

function isNoLog(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === 'AUDIT_OPEN_FAILED'
}

async function verifyAt(
  location: LogLocation,
  { options, taken }: Given,
  { signal, watcher }: Io,
  progress: Progress,
): Promise<VerifyReport | LedgerReport> {
  const watched: VerifyOptions = {
    ...options,
    signal,
    onProgress: ({ entries, size }) => {
      progress.show(() => `${entries} of ${size} entries, ${Math.floor((100 * entries) / Math.max(1, size))} %`)
    },
  }
  if ('url' in location) {
    const log = await openAuditLogReader({ store: await storeAt(location.url) })
    return await log.verify(watched).finally(() => log.close())
  }
  const copy = await copyAt(location.directory)
  if (copy) {
    const { report } = await verifySource(copy, watched, { taken }).finally(() => copy.close())
    return report
  }
  return await verifyLedgerDirectory(location.directory, watched, { taken, onReading: (each) => watcher?.reads(each) })
}
