import { AuditLogError } from '../events/errors.js'
import { nearestName } from '../events/nearest.js'
import { type Command, CommandFailed } from './command.js'
import { doctor } from './doctor-command.js'
import { commandHelp, overview } from './help.js'
import { Arguments } from './options.js'
import { type Io, write } from './output.js'
import { exportEvents, query, runs, sessions, show, tail } from './reading-commands.js'
import { record } from './record-command.js'
import { printable } from './text.js'
import { UsageError } from './usage-error.js'

const commands: Readonly<Record<string, Command>> = {
  tail,
  query,
  runs,
  show,
  sessions,
  export: exportEvents,
  record,
  doctor,
}

const SUCCESS = 0
const FAILURE = 1
/** EX_USAGE of sysexits.h. */
const USAGE = 64

/** Runs one command line, and returns its exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    await dispatch(argv, io)
    return SUCCESS
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const isUsage = error instanceof UsageError || (error instanceof AuditLogError && INPUT_CODES.has(error.code))
    const isExpected = isUsage || error instanceof AuditLogError || error instanceof CommandFailed
    // What is not foreseen is a defect: its stack says where.
    await write(io.err, `spanledger: ${isExpected ? printable(error.message) : error.stack}\n`)
    return isUsage ? USAGE : FAILURE
  }
}

/** The user said something that the log refuses. */
const INPUT_CODES: ReadonlySet<string> = new Set(['AUDIT_INVALID_QUERY', 'AUDIT_INVALID_EVENT'])

async function dispatch(argv: readonly string[], io: Io): Promise<void> {
  const [first, ...rest] = argv
  if (first === undefined) throw new UsageError("say what to do: 'spanledger help' lists the commands")
  if (first === 'help' || first === '--help' || first === '-h') {
    const about = rest[0]
    await write(io.out, about === undefined ? overview(commands) : commandHelp(about, commandNamed(about)))
    return
  }
  const command = commandNamed(first)
  const args = Arguments.parse(rest, command.options)
  if (args.flag('help')) await write(io.out, commandHelp(first, command))
  else await command.run(args, io)
}

function commandNamed(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return command
  const nearest = nearestName(name, Object.keys(commands))
  const hint = nearest === undefined ? "'spanledger help' lists them" : `did you mean '${nearest}'?`
  throw new UsageError(`there is no command '${name}'; ${hint}`)
}
