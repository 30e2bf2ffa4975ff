import { readFile } from 'node:fs/promises'
import { AuditLogError } from '../events/errors.js'
import { nearestName } from '../events/nearest.js'
import { type Command, CommandFailed } from './command.js'
import { commands } from './commands/index.js'
import { EXIT } from './exit-codes.js'
import { exitCodeOf } from './failure.js'
import { commandHelp, overview, TOPICS } from './help.js'
import { Interrupted } from './interrupted.js'
import { Arguments, help } from './options.js'
import { type Io, write } from './output.js'
import { printable } from './text.js'
import { UsageError } from './usage-error.js'

/** Runs one command line, and returns its exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof Interrupted) return typeof io.signal.reason === 'number' ? io.signal.reason : EXIT.interrupted
    // What is not foreseen is a defect: its stack says where.
    await write(io.err, `spanledger: ${isExpected(error) ? printable(error.message) : error.stack}\n`)
    return exitCodeOf(error)
  }
}

/** Failures of the log, of the command line and of the operating system. */
function isExpected(error: Error): boolean {
  return [UsageError, AuditLogError, CommandFailed].some((kind) => error instanceof kind) || 'syscall' in error
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) throw new UsageError("say what to do: 'spanledger help' lists the commands")
  if (first === 'help' || first === '--help' || first === '-h') {
    await write(io.out, helpAbout(Arguments.parse(rest, { help })))
    return EXIT.success
  }
  if (first === '--version') {
    await write(io.out, `${await version()}\n`)
    return EXIT.success
  }
  const command = commandNamed(first)
  const args = Arguments.parse(rest, command.options)
  if (!args.flag('help')) return (await command.run(args, io)) ?? EXIT.success
  await write(io.out, commandHelp(first, command))
  return EXIT.success
}

async function version(): Promise<string> {
  // As far from `src` as from `dist`.
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}

/** `help` is a subject of its own, whose help is that of all commands. */
function helpAbout({ positionals: [subject, ...more] }: Arguments): string {
  if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many: name one command or topic`)
  if (subject === undefined || subject === 'help') return overview(commands)
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
