import { resolve } from 'node:path'
import { inspectKeys } from '../content/keys/inspect.js'
import { type ContentKeysOptions, keysDirectory, storeKeysDirectory } from '../content/keys/options.js'
import { contentKeyFile } from '../content/keys/provider.js'
import { ledgerOf, logDirectory } from '../ledger/log-directories.js'
import { type AuditLogDirectoryReader, openAuditLogReader, openDirectoryReader } from '../reader/open.js'
import type { AuditLogStoreReader } from '../reader/open-store.js'
import type { Arguments, Options } from './options.js'
import { type Format, type Io, write } from './output.js'
import { type PendingPart, pendingIn } from './pending.js'
import { isPostgresUrl, storeAt } from './postgres.js'
import { reportPending, reportStaged } from './report-pending.js'
import { printable } from './text.js'
import { UsageError } from './usage-error.js'

export interface Command {
  /** One line that says what the command does. */
  readonly summary: string
  /** The operands, as the usage line has them. */
  readonly operand?: string
  /** The values of the operand that a shell may offer. */
  readonly operands?: readonly string[]
  readonly options: Options
  /** Lines to type, each with its purpose. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** @returns the exit code where it is another than 0 */
  run(args: Arguments, io: Io): Promise<void> | Promise<number>
}

/** The failure of a command, with a message for the user. */
export class CommandFailed extends Error {
  /** The exit code to use; `undefined` when the cause determines it. */
  readonly exitCode: number | undefined

  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode
  }
}

/** Reads on the command's own thread, which does nothing else meanwhile. */
export const SYNCHRONOUS = { synchronous: true }

/** The location of a command's log: an address for `storeAt`, or a directory. */
export type LogLocation = { readonly url: string } | { readonly directory: string }

/** @param operand - a directory that is named without `--log` */
export function locationOf(args: Arguments, { env }: Io, operand?: string): LogLocation {
  const [url, directory] = [args.text('store'), operand ?? args.text('log')]
  if (url === undefined) {
    const named = directory ?? env.SPANLEDGER_LOG ?? 'audit'
    if (isPostgresUrl(named)) throw new UsageError('a log in PostgreSQL is named with --store')
    return { directory: resolve(named) }
  }
  if (directory !== undefined) throw new UsageError(`give --store or a directory, '${directory}', not both`)
  return { url }
}

/** A log, or a ledger, that a command reads. */
export type ReadLog = AuditLogDirectoryReader | AuditLogStoreReader

/**
 * Opens a log, or a ledger, for a command. What is recorded there and not committed yet is reported on standard error.
 *
 * @param operand - a directory that is named without `--log`
 */
export async function withReader(
  args: Arguments,
  io: Io,
  use: (log: ReadLog, pending: readonly PendingPart[]) => Promise<void>,
  operand?: string,
): Promise<void> {
  const log = await openedLog(args, io, operand)
  try {
    const pending = await pendingIn(log)
    if ('logs' in log && log.logs.size === 0) {
      await write(io.err, `There is no log in ${printable(log.location)} yet: no process has opened one\n`)
    }
    await reportPending(io, pending, args.flag('pending'))
    await use(log, pending)
  } finally {
    await log.close()
  }
}

async function openedLog(args: Arguments, io: Io, operand: string | undefined): Promise<ReadLog> {
  const location = locationOf(args, io, operand)
  const number = args.number('log-number')
  if ('url' in location) {
    if (number !== undefined) throw new UsageError('--log-number is for a directory, and --store names one log')
    const contentKeys = await namedKeys(args, storeKeysDirectory())
    return await openAuditLogReader({ store: await storeAt(location.url), ...contentKeys })
  }
  const contentKeys = await namedKeys(args, keysDirectory(ledgerOf(location.directory)))
  if (number === undefined) {
    return await openDirectoryReader(location.directory, contentKeys, SYNCHRONOUS).catch(async (problem) => {
      await reportStaged(io, location.directory).catch(() => undefined)
      throw problem
    })
  }
  if (number < 0 || number > 999_999_999) throw new UsageError(`--log-number: there is no log ${number}`)
  const { path } = logDirectory(location.directory, number)
  return await openDirectoryReader(path, contentKeys, SYNCHRONOUS, { only: true })
}

/** Returns the key file that a command names. @throws CommandFailed where it does not open the keys of content */
async function namedKeys(
  args: Arguments,
  directory: string | undefined,
): Promise<{ readonly contentKeys?: ContentKeysOptions }> {
  const keyFile = args.text('key-file')
  if (keyFile === undefined) return {}
  if (keyFile === '') throw new UsageError('--key-file: name a file')
  const { problem } = directory === undefined ? {} : await inspectKeys(directory, contentKeyFile(keyFile))
  if (problem) throw new CommandFailed(`--key-file: ${problem.message}`)
  return { contentKeys: { keyFile } }
}

export function formatOf(args: Arguments): Format {
  if (args.flag('json') && args.flag('jsonl')) throw new UsageError('give --json or --jsonl, not both')
  if (args.flag('json')) return 'json'
  return args.flag('jsonl') ? 'jsonl' : 'text'
}

/** Returns the one operand that a command may have: a directory in place of `--log`. */
export function directoryOperand({ positionals: [directory, ...more] }: Arguments): string | undefined {
  if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many`)
  return directory
}

export function noOperands({ positionals }: Arguments): void {
  if (positionals[0] !== undefined) throw new UsageError(`'${positionals[0]}' is one word too many`)
}
