import { readFile } from 'node:fs/promises'
import { AuditLogError } from '../events/errors.js'
import { nearestName } from '../events/nearest.js'
import { type Command, CommandFailed } from './command.js'
import { commands } from './commands/index.js'
import { commandHelp, overview, TOPICS } from './help.js'
import { Interrupted } from './interrupted.js'
import { Arguments } from './options.js'
import { type Io, write } from './output.js'
import { printable } from './text.js'
import { UsageError } from './usage-error.js'

const SUCCESS = 0
const FAILURE = 1
/** EX_USAGE of sysexits.h. */
const USAGE = 64
/** What a process ended by SIGINT has. */
const INTERRUPTED = 130

/** Runs one command line, and returns its exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof Interrupted) return typeof io.signal.reason === 'number' ? io.signal.reason : INTERRUPTED
    const isUsage = error instanceof UsageError || (error instanceof AuditLogError && INPUT_CODES.has(error.code))
    const isExpected = isUsage || error instanceof AuditLogError || error instanceof CommandFailed
    // What is not foreseen is a defect: its stack says where.
    await write(io.err, `spanledger: ${isExpected ? printable(error.message) : error.stack}\n`)
    return isUsage ? USAGE : FAILURE
  }
}

/** The user said something that the log refuses. */
const INPUT_CODES: ReadonlySet<string> = new Set(['AUDIT_INVALID_QUERY', 'AUDIT_INVALID_EVENT'])

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) throw new UsageError("say what to do: 'spanledger help' lists the commands")
  if (first === 'help' || first === '--help' || first === '-h') {
    await write(io.out, helpAbout(rest[0]))
    return SUCCESS
  }
  if (first === '--version') {
    await write(io.out, `${await version()}\n`)
    return SUCCESS
  }
  const command = commandNamed(first)
  const args = Arguments.parse(rest, command.options)
  if (!args.flag('help')) return (await command.run(args, io)) ?? SUCCESS
  await write(io.out, commandHelp(first, command))
  return SUCCESS
}

async function version(): Promise<string> {
  // As far from `src` as from `dist`.
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}

function helpAbout(subject: string | undefined): string {
  if (subject === undefined) return overview(commands)
  const topic = Object.hasOwn(TOPICS, subject) ? TOPICS[subject] : undefined
  return topic ? topic.text : commandHelp(subject, commandNamed(subject, Object.keys(TOPICS)))
}

function commandNamed(name: string, otherNames: readonly string[] = []): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return command
  const nearest = nearestName(name, [...Object.keys(commands), ...otherNames])
  const hint = nearest === undefined ? "'spanledger help' lists them" : `did you mean '${nearest}'?`
  throw new UsageError(`there is no command '${name}'; ${hint}`)
}
