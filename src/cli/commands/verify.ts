import type { Stats } from 'node:fs'
import { lstat, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { MAX_NOTE_BYTES, parseReceipt, verifierFromVkey } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { DirectorySource } from '../../inspection/directory-source.js'
import { openAuditLogReader } from '../../reader/open.js'
import { ENTRIES, FORMER_DATABASE } from '../../store/leveldb/database.js'
import { hashLeaf } from '../../tree/index.js'
import { JsonlFile } from '../../verify/jsonl-file.js'
import type { VerifyOptions } from '../../verify/options.js'
import { isAbsent, readFailure } from '../../verify/read-failure.js'
import { verifyReceipt } from '../../verify/receipt.js'
import type { VerifyBasis, VerifyProblem, VerifyReport, VerifyStatus } from '../../verify/report.js'
import type { LogSource } from '../../verify/source.js'
import { TileDirectory } from '../../verify/tile-directory.js'
import { type TakenFromLog, verifyTaking } from '../../verify/verify-log.js'
import { type Command, formatOf, type LogPlace, placeOf } from '../command.js'
import { VERDICTS } from '../exit-codes.js'
import { Interrupted } from '../interrupted.js'
import { readGivenFile } from '../named-file.js'
import { type Arguments, common, format } from '../options.js'
import { type Io, type Paint, paintFor, printOne, type Watcher } from '../output.js'
import { storeAt } from '../postgres.js'
import { Progress } from '../progress.js'
import { printable } from '../text.js'
import { UsageError } from '../usage-error.js'

/** A receipt has a checkpoint and the bytes of an entry. */
const MAX_GIVEN_BYTES = 2 * MAX_NOTE_BYTES

export const verify: Command = {
  summary: 'Verifies a log or a copy of it against its signed checkpoints; its exit code is the verdict',
  operand: '[DIR|FILE]',
  options: {
    vkey: {
      type: 'string',
      short: 'k',
      multiple: true,
      value: 'VKEY',
      help: 'trust this key, or those of a file with keys; may be repeated',
    },
    checkpoint: {
      type: 'string',
      short: 'c',
      multiple: true,
      value: 'FILE',
      help: 'compare the log with this checkpoint that was kept elsewhere; may be repeated',
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
    const [path, ...more] = args.positionals
    if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many`)
    const place = placeOf(args, io, path)
    const given = await givenBy(args, place)
    const progress = new Progress(io)
    try {
      const report = await verifyAt(place, given, io, progress)
      progress.clear()
      const exitCode = VERDICTS[report.status]
      io.watcher?.concludes(exitCode)
      await printOne(io, formatOf(args), report, () => reportText(report, paintFor(io)))
      return exitCode
    } catch (error) {
      if (io.signal.aborted) throw new Interrupted()
      throw usageErrorFor(error)
    } finally {
      progress.clear()
    }
  },
}

/** The user's knowledge of the log. */
interface Given {
  readonly options: VerifyOptions
  /** The part of it that lies in the log's own directory. */
  readonly taken: TakenFromLog
}

async function givenBy(args: Arguments, place: LogPlace): Promise<Given> {
  const directory = 'directory' in place ? place.directory : undefined
  const keys = await keysOf(args, 'vkey', directory)
  const witnesses = await keysOf(args, 'witness-vkey', directory)
  const checkpoints = await Promise.all((args.texts('checkpoint') ?? []).map((path) => readGiven(path, directory)))
  const numbers = {
    threads: args.number('threads'),
    witnessQuorum: args.number('witness-quorum'),
    checkpointIntervalMillis: args.number('checkpoint-interval'),
  }
  for (const key of witnesses?.filter(({ isInside }) => isInside) ?? []) {
    throw new UsageError(`--witness-vkey: ${key.path} lies in the log itself; give a key that was noted elsewhere`)
  }
  return {
    options: {
      checkpoints: checkpoints.map(({ text }) => text),
      strict: args.flag('strict'),
      entriesOnly: args.flag('entries-only'),
      ...(keys && { vkeys: keys.flatMap(linesOf) }),
      ...(witnesses && { witnessKeys: witnesses.flatMap(linesOf) }),
      ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    },
    taken: {
      keys: keys?.some(({ isInside }) => isInside) ?? false,
      checkpoints: new Set(checkpoints.filter(({ isInside }) => isInside).map(({ text }) => text)),
    },
  }
}

async function verifyAt(
  place: LogPlace,
  { options, taken }: Given,
  { signal, watcher }: Io,
  progress: Progress,
): Promise<VerifyReport> {
  const watched: VerifyOptions = {
    ...options,
    signal,
    onProgress: ({ entries, size }) => {
      progress.show(() => `${entries} of ${size} entries, ${Math.floor((100 * entries) / Math.max(1, size))} %`)
    },
  }
  if ('url' in place) {
    const log = await openAuditLogReader({ store: await storeAt(place.url) })
    return await log.verify(watched).finally(() => log.close())
  }
  const source = await sourceAt(place.directory, options.entriesOnly, watcher)
  return await verifyTaking(taken, source, watched).finally(() => source.close())
}

/** Returns a usage error for a failure that the user's input caused; returns any other failure unchanged. */
function usageErrorFor(error: unknown): unknown {
  if (error instanceof TypeError && error.message.startsWith('verify: ')) return new UsageError(error.message)
  const isKey = error instanceof AuditLogError && error.code === 'AUDIT_KEY_INVALID'
  return isKey ? new UsageError(`--vkey: ${error.message}`) : error
}

/** A text that was given, and whether it lies in the log's own directory. */
interface GivenText {
  readonly path: string | undefined
  readonly text: string
  readonly isInside: boolean
}

/** Keys as they are typed, or those of files. */
async function keysOf(
  args: Arguments,
  option: string,
  directory: string | undefined,
): Promise<readonly GivenText[] | undefined> {
  const given = args.texts(option)?.map(async (key): Promise<GivenText> => {
    return key.includes('+') ? { path: undefined, text: key, isInside: false } : await readGiven(key, directory)
  })
  return given && (await Promise.all(given))
}

function linesOf({ text }: GivenText): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

async function readGiven(path: string, directory?: string): Promise<GivenText> {
  try {
    const text = (await readGivenBytes(path)).toString()
    return { path, text, isInside: directory !== undefined && (await isBelow(path, directory)) }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${(error as Error).message}`)
  }
}

async function readGivenBytes(path: string): Promise<Buffer> {
  return await readGivenFile(path, MAX_GIVEN_BYTES).catch((error: Error) => {
    throw new UsageError(`cannot read ${path}: ${error.message}`)
  })
}

/** Tells whether a path leads into a directory, through links or not. */
async function isBelow(path: string, directory: string): Promise<boolean> {
  // A pipe has a name that leads nowhere.
  const [found, named] = await Promise.all([directory, path].map((each) => realpath(each).catch(() => undefined)))
  return found !== undefined && named !== undefined && !/^\.\.(?:[/\\]|$)/.test(relative(found, named))
}

async function sourceAt(
  path: string,
  entriesOnly: boolean | undefined,
  watcher: Watcher | undefined,
): Promise<LogSource> {
  const isThere = async (name: string) => (await statAt(join(path, name), lstat)) !== undefined
  if ((await statAt(path, stat))?.isFile()) return new JsonlFile(path)
  const isLog = (await isThere(ENTRIES)) || (await isThere(FORMER_DATABASE))
  const isTiles = !isLog && (await TileDirectory.isOne(path))
  if (!isLog && !isTiles && !(await isThere('checkpoint'))) {
    throw new AuditLogError('AUDIT_LOG_OPEN_FAILED', `There is no audit log in ${resolve(path)}`)
  }
  if (isTiles) return await TileDirectory.open(path)
  watcher?.reads(path)
  return await DirectorySource.open(path, entriesOnly)
}

/** Returns the status of a file; `undefined` when there is none. @throws when the file cannot be looked at */
async function statAt(path: string, look: (path: string) => Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await look(path)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw readFailure(error, path)
  }
}

function reportText(report: VerifyReport, paint: Paint): string {
  const { status, location, size, root, provenSize, basis, checkpoints, trustedKeys, problems } = report
  const headline = status === 'verified' ? `${HEADLINES.verified} ${basisText(basis)}` : HEADLINES[status]
  const lines = [
    `${paint(status === 'verified' ? 'green' : 'red', headline)}  ${printable(location)}`,
    `  entries     ${size}, of which ${provenSize} are covered by a signed checkpoint that holds`,
    `  root        ${root ?? 'unknown: an entry is missing'}`,
    ...checkpoints.map((each) => `  checkpoint  ${printable(checkpointLine(each))}`),
    ...trustedKeys.map((vkey) => `  key         ${printable(vkey)}`),
    ...basis.witnesses.map((name) => `  witness     ${printable(name)}`),
    ...notesOf(report).map((note) => `  note        ${note}`),
    ...problems.map((problem) => problemLine(problem, paint)),
  ]
  if (basis.keys === 'none') lines.push(paint('yellow', "  No trusted key is known: give the log's as --vkey."))
  if (basis.keys === 'log') {
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

/** Names the evidence that a verdict rests on. */
function basisText({ keys, checkpointsElsewhere, witnesses, anchoredSize }: VerifyBasis): string {
  const outside = [
    ...(checkpointsElsewhere > 0
      ? [counted(checkpointsElsewhere, 'checkpoint kept elsewhere', 'checkpoints kept elsewhere')]
      : []),
    ...(witnesses.length > 0 ? [counted(witnesses.length, 'witness', 'witnesses')] : []),
  ]
  const upTo = outside.length > 0 ? ` (${anchoredSize} entries)` : ''
  const key = keys === 'given' ? 'a key given as --vkey' : 'the key that lies in the log directory'
  const only = outside.length === 0 ? ' only' : ''
  return `by ${[...outside, key].join(' and ')}${upTo}${only}`
}

/** Lists the facts that are no problems, but worth a line. */
function notesOf(report: VerifyReport): readonly string[] {
  const { recoveredEvents, unattestedEvents, foreignStatements, removedEntries } = report
  const notes = report.notes.map(printable)
  if (removedEntries > 0) {
    notes.push(`${counted(removedEntries, 'entry was', 'entries were')} removed: the tree keeps the leaf hashes`)
  }
  if (unattestedEvents > 0) {
    notes.push(`${counted(unattestedEvents, 'event')} taken over after a crash, attested by nothing outside`)
  }
  if (recoveredEvents > unattestedEvents) {
    notes.push(
      `${counted(recoveredEvents - unattestedEvents, 'event')} taken over after a crash, attested by the journal key`,
    )
  }
  if (foreignStatements > 0) {
    notes.push(`${counted(foreignStatements, 'statement')} of another log, which say nothing of this one`)
  }
  return notes
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`
}

const HEADLINES: Readonly<Record<VerifyStatus, string>> = {
  verified: 'VERIFIED',
  altered: 'ALTERED',
  truncated: 'TRUNCATED OR ROLLED BACK',
  unknown_key: 'UNKNOWN KEY',
  incomplete: 'INCOMPLETE',
  unproven: 'NOT PROVED STRICTLY',
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
async function verifyOneReceipt(args: Arguments, io: Io): Promise<number> {
  if (args.flag('strict')) throw new UsageError('--strict is about a log, not about a receipt')
  if (args.positionals.length > 0) throw new UsageError('a receipt is verified without the log')
  const vkeys = (await keysOf(args, 'vkey', undefined))?.flatMap(linesOf)
  if (!vkeys?.[0]) throw new UsageError('--receipt: give the --vkey of the log')
  const { text: receipt } = await readGiven(args.text('receipt') as string)
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
    io.watcher?.concludes(VERDICTS.verified)
    await printOne(io, formatOf(args), shown, text)
    return VERDICTS.verified
  } catch (error) {
    const status = error instanceof AuditLogError ? RECEIPT_VERDICTS[error.code] : undefined
    if (status === undefined) throw usageErrorFor(error)
    const { message } = error as AuditLogError
    io.watcher?.concludes(VERDICTS[status])
    await printOne(io, formatOf(args), { status, message }, () => `${HEADLINES[status]}  ${printable(message)}`)
    return VERDICTS[status]
  }
}

/** The verdict for each error code of a refused receipt. A failure with any other code gives no verdict. */
const RECEIPT_VERDICTS: { readonly [code: string]: 'altered' | 'unknown_key' | undefined } = {
  AUDIT_KEY_UNKNOWN: 'unknown_key',
  AUDIT_ORIGIN_MISMATCH: 'unknown_key',
  AUDIT_NOTE_MALFORMED: 'altered',
  AUDIT_PROOF_INVALID: 'altered',
  AUDIT_SIGNATURE_INVALID: 'altered',
}
