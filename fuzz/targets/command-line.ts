import { commands } from '../../src/cli/commands/index.js'
import { parseHumanTime } from '../../src/cli/human-time.js'
import { Arguments } from '../../src/cli/options.js'
import { loadPostgres, storeAt } from '../../src/cli/postgres.js'
import { printable } from '../../src/cli/text.js'
import { UsageError } from '../../src/cli/usage-error.js'
import { storedId } from '../../src/events/ids.js'
import { isTimestamp, parseTimestamp } from '../../src/events/time.js'
import { parseEventQuery } from '../../src/reader/query/parse-query.js'
import { claim, coded, parsed, parsedLater, same } from '../support/oracle.js'

/*
 * Text that users type: command lines, addresses of stores, times and ids. An input is a command line, one word a line.
 *
 * Oracles: invalid text throws a UsageError or a coded error; a time is the one that `Date` reads, to the millisecond;
 * an id in its stored form is its own stored form.
 */
// Loaded before the first input, not by it.
await loadPostgres()

const NOW = Date.UTC(2026, 0, 1)
const isRefusal = (error: unknown) => error instanceof UsageError || coded()(error)

export async function fuzz(bytes: Buffer): Promise<void> {
  const text = bytes.toString()
  const [name = '', ...words] = text.split('\n')
  const command = Object.hasOwn(commands, name) ? commands[name] : commands.query
  parsed(isRefusal, () => {
    const query = Arguments.parse(words, command?.options ?? {}).query(NOW)
    parseEventQuery(query)
  })
  parsed(isRefusal, () => parseHumanTime(text, 'since', NOW))
  readTime(text)
  readId(text)
  claim(!/[\p{Cc}\p{Cf}]/u.test(printable(text)), 'what is printed moves the cursor')
  const store = await parsedLater(isRefusal, () => storeAt(text))
  await store?.close()
}

function readTime(text: string): void {
  const time = parseTimestamp(text)
  if (time === undefined) return
  claim(isTimestamp(time) && parseTimestamp(time) === time, 'a time is another when it is read again')
  const read = Date.parse(
    text
      .toUpperCase()
      .replace(' ', 'T')
      .replace(/(\.\d{3})\d+/, '$1'),
  )
  same(Date.parse(`${time.slice(0, 23)}Z`), read, 'a time is not the one that it says')
}

function readId(text: string): void {
  const id = storedId(text)
  claim(id.isWellFormed() && id.length <= 1024, 'an id is stored in a form that no key can hold')
  same(storedId(id), id, 'an id is another when it is stored again')
}

export function seeds(): Buffer[] {
  return [
    'query\n--tenant\nt\n--since\n2h\n--limit\n5\n--order=desc',
    'runs\n--status\nfailed\n--until\ntoday\n--json',
    'postgres://user@host:5432/database#log',
    'postgresql://%20:x@[::1]/d%2f?host=/tmp&sslmode=require#a%20b',
    '2026-11-21T22:35:06.753123456789+01:30',
    '2024-02-29 23:59:59z',
    'yesterday',
    '99999999999999999w',
  ].map((text) => Buffer.from(text))
}
