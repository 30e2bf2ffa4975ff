import type { Command } from '../command.js'
import { TOPICS } from '../help.js'
import type { Option } from '../options.js'

/** What a shell is to offer. */
export interface Word {
  readonly name: string
  readonly meaning: string
}

/** What comes first: the commands, and `help`. */
export function firstWords(commands: Readonly<Record<string, Command>>): readonly Word[] {
  const named = Object.entries(commands).map(([name, { summary }]) => ({ name, meaning: summary }))
  return [...named, { name: 'help', meaning: 'about a command, or one of the topics' }]
}

/** What may follow `help`. */
export function helpWords(commands: Readonly<Record<string, Command>>): readonly Word[] {
  const topics = Object.entries(TOPICS).map(([name, { summary }]) => ({ name, meaning: summary }))
  return [...firstWords(commands).filter(({ name }) => name !== 'help'), ...topics]
}

/** How a shell finds the values of an option. */
export type Values =
  | { readonly kind: 'none' | 'any' | 'directory' | 'file' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] }

export function valuesOf({ type, value, choices }: Option): Values {
  if (type === 'boolean') return { kind: 'none' }
  if (choices) return { kind: 'choices', choices }
  if (value === 'DIR') return { kind: 'directory' }
  return { kind: value === 'FILE' ? 'file' : 'any' }
}

/** A text between single quotes, as bash and zsh take it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
