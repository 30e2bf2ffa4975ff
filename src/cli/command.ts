import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type AuditLogDirectoryReader, openAuditLogReader } from '../reader/open.js'
import type { AuditLogStoreReader } from '../reader/open-store.js'
import { type Arguments, DIRECTORY_ONLY, type Options } from './options.js'
import type { Format, Io } from './output.js'
import { storeAt } from './postgres.js'
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

/** What went wrong in words for the user; the exit code is 1. */
export class CommandFailed extends Error {}

export function logDirectory(args: Arguments, { env }: Io): string {
  if (args.text('store') !== undefined) throw new UsageError(DIRECTORY_ONLY)
  return resolve(args.text('log') ?? env.SPANLEDGER_LOG ?? 'audit')
}

export async function withReader(
  args: Arguments,
  io: Io,
  use: (log: AuditLogDirectoryReader | AuditLogStoreReader) => Promise<void>,
): Promise<void> {
  const url = args.text('store')
  const log = await (url === undefined
    ? openAuditLogReader(logDirectory(args, io))
    : openAuditLogReader({ store: await storeAt(url) }))
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

/** Whether there is a log in a directory; the writer would make one of any. */
export async function isLog(directory: string): Promise<boolean> {
  return (await stat(join(directory, 'db', 'CURRENT')).catch(() => undefined)) !== undefined
}
