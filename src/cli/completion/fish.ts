import type { Command } from '../command.js'
import type { Option } from '../options.js'
import { firstWords, helpWords, valuesOf, type Word } from './words.js'

export function fishCompletion(commands: Readonly<Record<string, Command>>): string {
  const lines = [
    '# spanledger completion fish',
    'complete -c spanledger -f',
    ...firstWords(commands).map((word) => wordLine('__fish_use_subcommand', word)),
    ...helpWords(commands).map((word) => wordLine('__fish_seen_subcommand_from help', word)),
  ]
  for (const [name, { operands = [], options }] of Object.entries(commands)) {
    const within = `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from help`
    if (operands.length > 0) lines.push(`complete -c spanledger -n ${quoted(within)} -a ${quoted(operands.join(' '))}`)
    for (const [long, option] of Object.entries(options)) lines.push(optionLine(within, long, option))
  }
  return `${lines.join('\n')}\n`
}

function wordLine(condition: string, { name, meaning }: Word): string {
  return `complete -c spanledger -n ${quoted(condition)} -a ${quoted(name)} -d ${quoted(meaning)}`
}

function optionLine(condition: string, long: string, option: Option): string {
  const short = option.short === undefined ? '' : ` -s ${option.short}`
  return `complete -c spanledger -n ${quoted(condition)} -l ${long}${short}${argumentOf(option)} -d ${quoted(option.help)}`
}

function argumentOf(option: Option): string {
  const values = valuesOf(option)
  switch (values.kind) {
    case 'none':
      return ''
    case 'choices':
      return ` -x -a ${quoted(values.choices.join(' '))}`
    case 'directory':
      return ` -x -a '(__fish_complete_directories)'`
    case 'file':
      return ' -r -F'
    case 'any':
      return ' -x'
  }
}

/** A text between single quotes, as fish takes it. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
