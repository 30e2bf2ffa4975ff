import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { MAX_NOTE_BYTES } from '../../checkpoint/index.js'
import { splitNotes } from '../../verify/ledger/checkpoints-by-origin.js'
import type { VerifyOptions } from '../../verify/options.js'
import type { TakenFromLog } from '../../verify/trust-policy.js'
import type { LogLocation } from '../command.js'
import type { Arguments } from '../options.js'
import { UsageError } from '../usage-error.js'
import { readUserFile } from '../user-file.js'

/** A receipt has a checkpoint and the bytes of an entry. */
const MAX_GIVEN_BYTES = 2 * MAX_NOTE_BYTES

/** The user's knowledge of the log. */
export interface Given {
  readonly options: VerifyOptions
  /** The part of it that lies in the log's own directory. */
  readonly taken: TakenFromLog
}

/** Reads what the options give: keys, checkpoints and limits. */
export async function givenBy(args: Arguments, location: LogLocation): Promise<Given> {
  const directory = 'directory' in location ? location.directory : undefined
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
      checkpoints: checkpoints.flatMap(({ text }) => splitNotes(text)),
      strict: args.flag('strict'),
      entriesOnly: args.flag('entries-only'),
      ...(keys && { logKeys: keys.flatMap(linesOf) }),
      ...(witnesses && { witnessKeys: witnesses.flatMap(linesOf) }),
      ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    },
    taken: {
      keys: keys?.some(({ isInside }) => isInside) ?? false,
      checkpoints: new Set(checkpoints.filter(({ isInside }) => isInside).flatMap(({ text }) => splitNotes(text))),
    },
  }
}

/** A text that was given, and whether it lies in the log's own directory. */
interface GivenText {
  readonly path: string | undefined
  readonly text: string
  readonly isInside: boolean
}

/** Returns keys as they are typed, or those of files; `undefined` where none is given. */
export async function keysOf(
  args: Arguments,
  option: string,
  directory: string | undefined,
): Promise<readonly GivenText[] | undefined> {
  const given = args.texts(option)?.map(async (key): Promise<GivenText> => {
    return key.includes('+') ? { path: undefined, text: key, isInside: false } : await readGiven(key, directory)
  })
  return given && (await Promise.all(given))
}

/** Returns the lines of a text that say something. */
export function linesOf({ text }: GivenText): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** Reads a file that an option names. @param directory - of the log */
export async function readGiven(path: string, directory?: string): Promise<GivenText> {
  try {
    // Attacker-controlled: the file that the user names may be made by others; its size is bounded, and notes and keys in it are parsed later.
    const text = (await readGivenBytes(path)).toString()
    return { path, text, isInside: directory !== undefined && (await isBelow(path, directory)) }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${(error as Error).message}`)
  }
}

export async function readGivenBytes(path: string): Promise<Buffer> {
  return await readUserFile(path, MAX_GIVEN_BYTES).catch((error: Error) => {
    throw new UsageError(`cannot read ${path}: ${error.message}`)
  })
}

/** Tells whether a path leads into a directory, through links or not. */
async function isBelow(path: string, directory: string): Promise<boolean> {
  // A pipe has a name that leads nowhere.
  const [found, named] = await Promise.all([directory, path].map((each) => realpath(each).catch(() => undefined)))
  return found !== undefined && named !== undefined && !/^\.\.(?:[/\\]|$)/.test(relative(found, named))
}
