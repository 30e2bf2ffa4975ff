import type { Command } from './command.js'
import type { Option } from './options.js'

interface Topic {
  readonly summary: string
  readonly text: string
}

/** What `spanledger help` knows of beside the commands. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  'exit-codes': {
    summary: 'what the exit codes mean',
    text: `  0    done; also when whoever reads the output has seen enough
  1    it failed: no log, no such run, a damaged log, a file that cannot be written
       verify: 1 altered, 2 truncated or rolled back, 3 incomplete, 4 wrong or unknown key, 66 nothing there to verify;
       where several apply, the first of 1, 2, 4, 3
  64   what was typed cannot be meant (EX_USAGE of sysexits.h)
  130  interrupted (SIGINT, Ctrl-C), as 'tail -f' ends
  143  ended from outside (SIGTERM)
`,
  },
  environment: {
    summary: 'the variables that are looked at',
    text: `  SPANLEDGER_LOG          the log's directory, where --log is not given; else ./audit
  NO_COLOR                any value: no colours. There are none either where the output is no terminal, or TERM is dumb
  TMPDIR                  where the reader keeps its snapshot; best on the file system of the log
  SPANLEDGER_SIGNING_KEY  the key that 'record' signs with, where it is not the log's own; with --store the log's
  PGHOST, PGPASSWORD …    what an address of PostgreSQL leaves out, as for psql
`,
  },
  times: {
    summary: 'how times are said',
    text: `  2h                     ago; s, m, h, d and w
  now, today, yesterday  today and yesterday since midnight, where the terminal is
  2026-11-21             midnight, where the terminal is
  2026-11-21T22:35:06Z   RFC 3339, with any offset and up to nine digits of a second
`,
  },
}

/** What there is. */
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
