import { quotedAt } from './quoted.js'
import { isPlainValue } from './secret-values.js'
import type { Take } from './text-view.js'

/** A part of a text that has a password on a command line without its name. */
export const COMMAND_MARK: string =
  '(?:mysql|mariadb|sshpass|docker|podman|helm|mongo|sqlcmd|redis-cli|curl|https?|wget)[\\w \\t"\']|az login|identified by'

const COMMAND =
  /(?<![\w.-])(mysql|mariadb|sshpass|docker|podman|helm|mongo|sqlcmd|redis-cli|az|curl|https?|wget)[\w-]{0,16}(?=[ \t"'])/g
const LOGIN = /[ \t"']login\b.{0,200}?[ \t]-p[ \t]/
/** Options of one letter mean something else to other commands. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  mysql: /[ \t]-p(?=[^\s-])/,
  mariadb: /[ \t]-p(?=[^\s-])/,
  sshpass: /[ \t]-p[ \t]?/,
  docker: LOGIN,
  podman: LOGIN,
  helm: LOGIN,
  az: LOGIN,
  mongo: /[ \t]-p[ \t]/,
  sqlcmd: /[ \t]-P[ \t]?/,
  'redis-cli': /[ \t]-a[ \t]/,
}
const USER = /[ \t](?:-u[ \t]?|-a[ \t]|--(?:proxy-)?user[ \t=])(?:\\*["'])?[^\s"':]{0,128}:(?=[^\s"'])/
const WORD = /[^\s"'`]+/y
/** Characters of a command that are looked at. */
const MAX_COMMAND_LENGTH = 512

/** Takes passwords that commands have in options of one letter, and in SQL. */
export function takeCommandSecrets(text: string, take: Take): void {
  for (const { 0: found, 1: command = '', index } of text.matchAll(COMMAND)) {
    const start = index + found.length
    const line = /^[^\n|;]*/.exec(text.slice(start, start + MAX_COMMAND_LENGTH))?.[0] as string
    if (!line.includes('-')) continue
    const option = (OPTIONS[command] ?? USER).exec(line)
    if (option) takeWord(text, start + option.index + option[0].length, take)
  }
  for (const { 0: found, index } of text.matchAll(/\bidentified by[ \t]{1,4}(?:password[ \t]{1,4})?(?=\\*['"])/gi)) {
    takeWord(text, index + found.length, take)
  }
}

function takeWord(text: string, at: number, take: Take): void {
  const quoted = quotedAt(text, at)
  WORD.lastIndex = at
  const [start, end] = quoted ? [quoted.start, quoted.end] : [at, WORD.test(text) ? WORD.lastIndex : at]
  if (!isPlainValue(text.slice(start, end))) take(start, end)
}
