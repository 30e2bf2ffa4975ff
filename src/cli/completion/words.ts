import type { Command } from '../command.js'
import { TOPICS } from '../help.js'
import type { Option } from '../options.js'

/** A word that a shell offers. */
export interface Word {
  readonly name: string
  readonly meaning: string
}

/** Returns the first words: the commands, and `help`. */
export function firstWords(commands: Readonly<Record<string, Command>>): readonly Word[] {
  const named = Object.entries(commands).map(([name, { summary }]) => ({ name, meaning: summary }))
  return [...named, { name: 'help', meaning: 'about a command, or one of the topics' }]
}

/** Returns the words that may follow `help`. */
export function helpWords(commands: Readonly<Record<string, Command>>): readonly Word[] {
  const topics = Object.entries(TOPICS).map(([name, { summary }]) => ({ name, meaning: summary }))
  return [...firstWords(commands).filter(({ name }) => name !== 'help'), ...topics]
}

/** The way in which a shell finds the values of an option. */
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
