import type { Command } from './command.js'
import type { Option } from './options.js'

interface Topic {
  readonly summary: string
  readonly text: string
}

/** The topics of `spanledger help` beside the commands. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  'exit-codes': {
    summary: 'what the exit codes mean',
    text: `  0    success; verify: verified. Also when the reader of the output closed it early
  2    verify: truncated or rolled back
  3    verify: incomplete, by the log's own account
  4    verify: unknown or wrong key
  5    verify: altered
  6    verify --strict: no problem was found, but a proof from outside the log is missing
       When several apply, the first of 5, 2, 4, 3, 6 counts. Only verdicts use 2 to 6; no command uses 1
  64   the command line is wrong (this and what follows as in sysexits.h)
  66   there is no log or no such file
  69   a package or a server is not available
  70   the command failed, for the reason that its message gives
  71   the system refused to start a process
  73   the output cannot be created
  74   reading or writing failed
  75   memory, descriptors, disk space or the temporary directory ran out, or a writer has the log: try again
  77   a file may not be read or written
  129, 130, 143  ended by SIGHUP, SIGINT (Ctrl-C) or SIGTERM; 137 by SIGKILL
`,
  },
  environment: {
    summary: 'the environment variables that are used',
    text: `  SPANLEDGER_LOG          the log's directory, where --log is not given; else ./audit
  NO_COLOR                any value: no colours. There are none either where the output is no terminal, or TERM is dumb
  TMPDIR                  where the reader keeps its snapshot; best on the file system of the log
  SPANLEDGER_JOURNAL_KEY  the key that attests the journal of a log in a directory, for 'record'
  SPANLEDGER_SIGNING_KEY  the key that 'record' signs with, where it is not the log's own; with --store the log's
  PGHOST, PGPASSWORD …    what an address of PostgreSQL leaves out, as for psql
`,
  },
  times: {
    summary: 'how to give times',
    text: `  2h                     ago; s, m, h, d and w
  now, today, yesterday  today and yesterday since midnight, where the terminal is
  2026-11-21             midnight, where the terminal is
  2026-11-21T22:35:06Z   RFC 3339, with any offset and up to nine digits of a second
`,
  },
}

/** Returns the help that lists all commands and topics. */
export function overview(commands: Readonly<Record<string, Command>>): string {
  return `Usage: spanledger COMMAND [OPTIONS]

${listed(commands)}

A log can be read while a process writes it. 'spanledger help COMMAND' has options and examples,
'spanledger --version' says which this is. Also:

${listed(TOPICS, 'help ')}
`
}

function listed(items: Readonly<Record<string, { readonly summary: string }>>, lead = ''): string {
  const names = Object.keys(items).map((name) => lead + name)
  const width = Math.max(...names.map((name) => name.length))
  return Object.values(items)
    .map(({ summary }, at) => `  ${(names[at] as string).padEnd(width)}  ${summary}`)
    .join('\n')
}

export function commandHelp(name: string, { summary, operand, options, examples }: Command): string {
  const usage = ['Usage: spanledger', name, ...(operand === undefined ? [] : [operand]), '[OPTIONS]'].join(' ')
  const width = Math.max(...Object.entries(options).map((option) => optionNames(...option).length))
  const lines = Object.entries(options).map(
    ([long, option]) => `  ${optionNames(long, option).padEnd(width)}  ${option.help}`,
  )
  const shown = examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  return `${usage}\n\n${summary}\n\nOptions:\n${lines.join('\n')}\n\nExamples:\n${shown.join('\n')}\n`
}

function optionNames(long: string, { short, value }: Option): string {
  return `${short === undefined ? '   ' : `-${short},`} --${long}${value === undefined ? '' : ` ${value}`}`
}
