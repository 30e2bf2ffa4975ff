import type { Command } from '../command.js'
import type { Option } from '../options.js'
import { firstWords, helpWords, quoted, valuesOf, type Word } from './words.js'

/** To be sourced, or put into a folder of fpath as `_spanledger`. */
export function zshCompletion(commands: Readonly<Record<string, Command>>): string {
  const cases = Object.entries(commands).map(([name, command]) => commandCase(name, command))
  return `#compdef spanledger
_spanledger() {
  local -a first topics
  first=(
${described(firstWords(commands))}
  )
  topics=(
${described(helpWords(commands))}
  )
  if (( CURRENT == 2 )); then
    _describe command first
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
    help) _describe topic topics ;;
${cases.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _spanledger ]]; then
  _spanledger "$@"
else
  compdef _spanledger spanledger
fi
`
}

function described(words: readonly Word[]): string {
  return words.map(({ name, meaning }) => `    ${quoted(`${name}:${meaning}`)}`).join('\n')
}

function commandCase(name: string, { operand, operands, options }: Command): string {
  const specs = Object.entries(options).map(([long, option]) => optionSpec(long, option))
  if (operands) specs.push(quoted(`1:${operand}:(${operands.join(' ')})`))
  return `    ${name})
      _arguments -s \\
${specs.map((spec) => `        ${spec}`).join(' \\\n')}
      ;;`
}

function optionSpec(long: string, option: Option): string {
  const { short, multiple, help } = option
  const rest = `[${help.replace(/[[\]:\\]/g, '\\$&')}]${action(option)}`
  const repeats = multiple ? '*' : ''
  if (short === undefined) return quoted(`${repeats}--${long}${rest}`)
  return `${quoted(multiple ? '*' : `(-${short} --${long})`)}{-${short},--${long}}${quoted(rest)}`
}

function action(option: Option): string {
  const values = valuesOf(option)
  const label = option.value?.replaceAll(':', '\\:') ?? ''
  switch (values.kind) {
    case 'none':
      return ''
    case 'choices':
      return `:${label}:(${values.choices.join(' ')})`
    case 'directory':
      return `:${label}:_files -/`
    case 'file':
      return `:${label}:_files`
    case 'any':
      return `:${label}: `
  }
}
