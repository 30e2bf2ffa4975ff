import type { Command } from './command.js'
import type { Option } from './options.js'

/** What there is. */
export function overview(commands: Readonly<Record<string, Command>>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  return `Usage: spanledger COMMAND [OPTIONS]

${lines.join('\n')}

A log can be read while a process writes it. 'spanledger COMMAND --help' has options and examples.
`
}

export function commandHelp(name: string, { summary, operand, options, examples }: Command): string {
  const usage = ['Usage: spanledger', name, ...(operand === undefined ? [] : [operand]), '[OPTIONS]'].join(' ')
  const listed = Object.entries(options).map(([long, option]) => optionLine(long, option))
  const shown = examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  return `${usage}\n\n${summary}\n\nOptions:\n${listed.join('\n')}\n\nExamples:\n${shown.join('\n')}\n`
}

function optionLine(long: string, { short, value, help }: Option): string {
  const names = `${short === undefined ? '   ' : `-${short},`} --${long}${value === undefined ? '' : ` ${value}`}`
  return `  ${names.padEnd(24)} ${help}`
}
