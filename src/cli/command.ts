import { resolve } from 'node:path'
import { type AuditLogDirectoryReader, openAuditLogReader, openDirectoryReader } from '../reader/open.js'
import type { AuditLogStoreReader } from '../reader/open-store.js'
import type { Arguments, Options } from './options.js'
import type { Format, Io } from './output.js'
import { isPostgresUrl, storeAt } from './postgres.js'
import { UsageError } from './usage-error.js'

export interface Command {
  /** What it does, in a line. */
  readonly summary: string
  /** What comes after its name. */
  readonly operand?: string
  /** What may stand there, if it is one of a few. */
  readonly operands?: readonly string[]
  readonly options: Options
  /** Each a line to type, and what it is for. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** @returns the exit code where it is another than 0 */
  run(args: Arguments, io: Io): Promise<void> | Promise<number>
}

/** Tells the user in words why a command failed. */
export class CommandFailed extends Error {
  /** The exit code to use; `undefined` when the cause determines it. */
  readonly exitCode: number | undefined

  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode
  }
}

/** A command does nothing else while it reads. */
export const SYNCHRONOUS = { synchronous: true }

/** Where the log is that a command is about: an address for `storeAt`, or a directory. */
export type LogPlace = { readonly url: string } | { readonly directory: string }

/** @param operand - a directory that is named without `--log` */
export function placeOf(args: Arguments, { env }: Io, operand?: string): LogPlace {
  const [url, directory] = [args.text('store'), operand ?? args.text('log')]
  if (url === undefined) {
    const named = directory ?? env.SPANLEDGER_LOG ?? 'audit'
    if (isPostgresUrl(named)) throw new UsageError('a log in PostgreSQL is named with --store')
    return { directory: resolve(named) }
  }
  if (directory !== undefined) throw new UsageError(`give --store or a directory, '${directory}', not both`)
  return { url }
}

export async function withReader(
  args: Arguments,
  io: Io,
  use: (log: AuditLogDirectoryReader | AuditLogStoreReader) => Promise<void>,
  operand?: string,
): Promise<void> {
  const place = placeOf(args, io, operand)
  const log = await ('url' in place
    ? openAuditLogReader({ store: await storeAt(place.url) })
    : openDirectoryReader(place.directory, {}, SYNCHRONOUS))
  try {
    await use(log)
  } finally {
    await log.close()
  }
}

export function formatOf(args: Arguments): Format {
  if (args.flag('json') && args.flag('jsonl')) throw new UsageError('give --json or --jsonl, not both')
  if (args.flag('json')) return 'json'
  return args.flag('jsonl') ? 'jsonl' : 'text'
}

export function noOperands({ positionals }: Arguments): void {
  if (positionals[0] !== undefined) throw new UsageError(`'${positionals[0]}' is one word too many`)
}
