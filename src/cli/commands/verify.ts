import { lstat, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MAX_NOTE_BYTES, parseReceipt, verifierFromVkey } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { DirectorySource } from '../../inspection/directory-source.js'
import { openAuditLogReader } from '../../reader/open.js'
import { hashLeaf } from '../../tree/index.js'
import { JsonlFile } from '../../verify/jsonl-file.js'
import { verifyReceipt } from '../../verify/receipt.js'
import type { VerifyProblem, VerifyReport, VerifyStatus } from '../../verify/report.js'
import type { LogSource } from '../../verify/source.js'
import { TileDirectory } from '../../verify/tile-directory.js'
import { type VerifyOptions, verifyLog } from '../../verify/verify-log.js'
import { type Command, formatOf, type LogPlace, placeOf } from '../command.js'
import { Interrupted } from '../interrupted.js'
import { readGivenFile } from '../named-file.js'
import { type Arguments, common, format } from '../options.js'
import { type Io, type Paint, paintFor, printOne, write } from '../output.js'
import { storeAt } from '../postgres.js'
import { Progress } from '../progress.js'
import { printable } from '../text.js'
import { UsageError } from '../usage-error.js'

/** Exit codes by status. */
export const VERIFY_EXIT_CODES: Readonly<Record<VerifyStatus, number>> = {
  verified: 0,
  altered: 1,
  truncated: 2,
  incomplete: 3,
  unknown_key: 4,
}
/** EX_NOINPUT of sysexits.h: nothing was verified, so that none of the above is said. */
const NO_INPUT = 66
/** A receipt has a checkpoint and the bytes of an entry. */
const MAX_GIVEN_BYTES = 2 * MAX_NOTE_BYTES

export const verify: Command = {
  summary: 'whether a log, or a copy of it, is what was signed; exit codes 0 to 4 say what it is',
  operand: '[DIR|FILE]',
  options: {
    vkey: {
      type: 'string',
      short: 'k',
      multiple: true,
      value: 'VKEY',
      help: 'a key that is trusted, or a file with it; may be repeated',
    },
    checkpoint: {
      type: 'string',
      short: 'c',
      multiple: true,
      value: 'FILE',
      help: 'a checkpoint that was kept elsewhere; may be repeated',
    },
    receipt: { type: 'string', value: 'FILE', help: 'verify this receipt of one entry, without the log' },
    entry: {
      type: 'string',
      value: 'FILE',
      help: 'with --receipt: the bytes of the entry, where it does not have them',
    },
    threads: { type: 'string', value: 'N', help: 'use so many threads, by default one for each core' },
    ...format,
    ...common,
  },
  examples: [
    ['spanledger verify /var/lib/app/audit --vkey log.vkey', 'against a key that was noted elsewhere'],
    ['spanledger verify --vkey log.vkey --checkpoint last-month.txt', 'whether it continues what it was then'],
    ['spanledger verify audit.jsonl -k log.vkey -c last-month.txt', 'an export in JSON Lines'],
    ['spanledger verify --store postgres://auditor@db/audit#payments -k log.vkey', 'a log in PostgreSQL'],
    ['spanledger verify --receipt 4711.receipt -k log.vkey', 'one entry, without the log'],
  ],
  async run(args, io) {
    const vkeys = await keysOf(args)
    if (args.text('receipt') !== undefined) return await verifyOneReceipt(args, io, vkeys)
    if (args.text('entry') !== undefined) throw new UsageError('--entry goes with --receipt')
    const [path, ...more] = args.positionals
    if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many`)
    const place = placeOf(args, io, path)
    const checkpoints = await Promise.all((args.texts('checkpoint') ?? []).map(readGiven))
    const threads = args.number('threads')
    const progress = new Progress(io)
    try {
      const report = await verifyAt(place, {
        ...(vkeys && { vkeys }),
        checkpoints,
        ...(threads !== undefined && { threads }),
        signal: io.signal,
        onProgress: ({ entries, size }) => {
          progress.show(() => `${entries} of ${size} entries, ${Math.floor((100 * entries) / Math.max(1, size))} %`)
        },
      })
      progress.clear()
      await print(report, vkeys === undefined, args, io)
      return VERIFY_EXIT_CODES[report.status]
    } catch (error) {
      if (io.signal.aborted) throw new Interrupted()
      return await refuse(error, io)
    } finally {
      progress.clear()
    }
  },
}

async function verifyAt(place: LogPlace, options: VerifyOptions): Promise<VerifyReport> {
  if ('url' in place) {
    const log = await openAuditLogReader({ store: await storeAt(place.url) })
    return await log.verify(options).finally(() => log.close())
  }
  const source = await sourceAt(place.directory)
  return await verifyLog(source, options).finally(() => source.close())
}

async function refuse(error: unknown, io: Io): Promise<number> {
  if (error instanceof TypeError) throw new UsageError(error.message)
  if (!(error instanceof AuditLogError)) throw error
  if (error.code === 'AUDIT_KEY_INVALID') throw new UsageError(`--vkey: ${error.message}`)
  await write(io.err, `spanledger: ${printable(error.message)}\n`)
  return NO_INPUT
}

/** Keys as they are typed, or those of files. */
async function keysOf(args: Arguments): Promise<readonly string[] | undefined> {
  const given = args.texts('vkey')
  if (!given) return undefined
  const keys = await Promise.all(given.map((key) => (key.includes('+') ? key : readGiven(key))))
  return keys.flatMap((key) => key.split('\n').filter((line) => line.trim() !== '')).map((line) => line.trim())
}

async function readGiven(path: string): Promise<string> {
  return (await readGivenBytes(path)).toString()
}

async function readGivenBytes(path: string): Promise<Buffer> {
  return await readGivenFile(path, MAX_GIVEN_BYTES).catch((error: Error) => {
    throw new UsageError(`cannot read ${path}: ${error.message}`)
  })
}

async function sourceAt(path: string): Promise<LogSource> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return new JsonlFile(path)
  const isThere = async (name: string) => (await lstat(join(path, name)).catch(() => undefined)) !== undefined
  const isLog = await isThere('db')
  const isTiles = !isLog && (await TileDirectory.isOne(path))
  if (!isLog && !isTiles && !(await isThere('checkpoint'))) {
    throw new AuditLogError('AUDIT_LOG_OPEN_FAILED', `There is no audit log in ${resolve(path)}`)
  }
  return isTiles ? await TileDirectory.open(path) : await DirectorySource.open(path)
}

async function print(report: VerifyReport, isOwnKey: boolean, args: Arguments, io: Io): Promise<void> {
  await printOne(io, formatOf(args), report, () => reportText(report, isOwnKey, paintFor(io)))
}

function reportText(report: VerifyReport, isOwnKey: boolean, paint: Paint): string {
  const { status, location, size, root, provenSize, checkpoints, trustedKeys, problems } = report
  const lines = [
    `${paint(status === 'verified' ? 'green' : 'red', HEADLINES[status])}  ${printable(location)}`,
    `  entries     ${size}, of which ${provenSize} are covered by a signed checkpoint that holds`,
    `  root        ${root ?? 'unknown: an entry is missing'}`,
    ...checkpoints.map((each) => `  checkpoint  ${printable(checkpointLine(each))}`),
    ...trustedKeys.map((vkey) => `  key         ${printable(vkey)}`),
    ...problems.map((problem) => problemLine(problem, paint)),
  ]
  if (trustedKeys.length === 0)
    lines.push(paint('yellow', "  No key is known that is trusted: give the log's as --vkey."))
  else if (isOwnKey) {
    lines.push(
      paint(
        'yellow',
        '  The key was taken from the log directory itself: whoever can write there could have replaced it.',
      ),
      paint('yellow', '  Note it elsewhere, and give it as --vkey.'),
    )
  }
  return lines.join('\n')
}

const HEADLINES: Readonly<Record<VerifyStatus, string>> = {
  verified: 'VERIFIED',
  altered: 'ALTERED',
  truncated: 'TRUNCATED OR ROLLED BACK',
  unknown_key: 'UNKNOWN KEY',
  incomplete: 'INCOMPLETE',
}

function checkpointLine({ source, size, signedBy, holds }: VerifyReport['checkpoints'][number]): string {
  return `${source}: ${size} entries, ${signedBy ? `signed by ${signedBy}` : 'by no trusted key'}, ${holds ? 'holds' : 'does not hold'}`
}

function problemLine({ status, message, entries }: VerifyProblem, paint: Paint): string {
  const spans = entries.slice(0, 10).map(({ from, to }) => (to === from + 1 ? `${from}` : `${from}–${to - 1}`))
  const where = spans.length === 0 ? '' : ` [seq ${spans.join(', ')}${entries.length > spans.length ? ', …' : ''}]`
  return `  ${paint('red', status.padEnd(11))} ${printable(message)}${where}`
}

/** One entry, by its receipt alone. */
async function verifyOneReceipt(args: Arguments, io: Io, vkeys: readonly string[] | undefined): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError('a receipt is verified without the log')
  if (!vkeys?.[0]) throw new UsageError('--receipt: give the --vkey of the log')
  const receipt = await readGiven(args.text('receipt') as string)
  const path = args.text('entry')
  try {
    const origin = verifierFromVkey(vkeys[0]).name
    const entry = path === undefined ? parseReceipt(receipt).extra : await readGivenBytes(path)
    if (!entry) throw new UsageError('the receipt does not have the bytes of its entry: give them as --entry')
    const { index, checkpoint } = verifyReceipt(receipt, hashLeaf(entry), { origin, logKeys: vkeys })
    const shown = {
      status: 'verified',
      origin,
      seq: Number(index),
      size: Number(checkpoint.size),
      entry: Buffer.from(entry).toString(),
    }
    const text = () =>
      `VERIFIED  entry ${index} of ${printable(origin)}, by a checkpoint of ${checkpoint.size} entries\n  ${printable(shown.entry)}`
    await printOne(io, formatOf(args), shown, text)
    return VERIFY_EXIT_CODES.verified
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error
    if (error.code === 'AUDIT_KEY_INVALID') throw new UsageError(`--vkey: ${error.message}`)
    const isKey = error.code === 'AUDIT_KEY_UNKNOWN' || error.code === 'AUDIT_ORIGIN_MISMATCH'
    const status = isKey ? 'unknown_key' : 'altered'
    const { message } = error
    await printOne(io, formatOf(args), { status, message }, () => `${HEADLINES[status]}  ${printable(message)}`)
    return VERIFY_EXIT_CODES[status]
  }
}
