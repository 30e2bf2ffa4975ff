import type { Command } from '../command.js'
import { firstWords, helpWords, quoted, type Values, valuesOf, type Word } from './words.js'

/** For bash 3.2 and newer, without the package bash-completion. */
export function bashCompletion(commands: Readonly<Record<string, Command>>): string {
  const cases = Object.entries(commands).map(([name, command]) => commandCase(name, command))
  return `# spanledger completion bash
_spanledger() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} IFS=$'\\n'
  COMPREPLY=()
  # bash takes --option=value for three words.
  [[ $current == '=' ]] && current=''
  [[ $previous == '=' ]] && previous=\${COMP_WORDS[COMP_CWORD-2]}
  if (( COMP_CWORD == 1 )); then
    ${offer(firstWords(commands).map(nameOf))}
    return
  fi
  case \${COMP_WORDS[1]} in
    help)
      ${offer(helpWords(commands).map(nameOf))}
      ;;
${cases.join('\n')}
  esac
}
complete -F _spanledger spanledger
`
}

function commandCase(name: string, { options, operands = [] }: Command): string {
  const values = Object.entries(options).flatMap(([long, option]) => {
    const { short } = option
    const names = short === undefined ? `--${long}` : `-${short}|--${long}`
    const found = valuesOf(option)
    return found.kind === 'none' ? [] : [`        ${names}) ${offerValues(found)}; return ;;`]
  })
  const words = [...operands, ...Object.keys(options).map((long) => `--${long}`)]
  return `    ${name})
      case $previous in
${values.length === 0 ? '        *) ;;' : values.join('\n')}
      esac
      ${offer(words)}
      ;;`
}

function offerValues(values: Values): string {
  switch (values.kind) {
    case 'choices':
      return offer(values.choices)
    case 'directory':
      return `COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames 2>/dev/null`
    case 'file':
      return `COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null`
    default:
      return ':'
  }
}

/** Words are separated as IFS says: by newlines. */
function offer(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W $${quoted(words.join('\\n'))} -- "$current"))`
}

function nameOf({ name }: Word): string {
  return name
}
