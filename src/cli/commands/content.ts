import type { ResolvedContent } from '../../content/contract.js'
import type { ProvedContent } from '../../reader/content/prove-content.js'
import type { AuditLogReader } from '../../reader/contract.js'
import { type Command, CommandFailed, formatOf, withReader } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { ENTRY_OPERAND, entryNamed, requireOneLog } from '../one-entry.js'
import { format, reading } from '../options.js'
import { type Paint, paintFor, printOne } from '../output.js'
import { bytes, printable, printableLines, shortTime } from '../text.js'

export const content: Command = {
  summary: 'Shows the content of one event: messages, arguments, results, and what became of each',
  operand: ENTRY_OPERAND,
  options: {
    field: { type: 'string', value: 'FIELD', help: 'only this field, such as data.error.message' },
    prove: { type: 'boolean', help: 'with a proof of each value that can be read, for somebody who has no key' },
    ...format,
    ...reading,
  },
  examples: [
    ['spanledger content 4711', 'everything that was taken out of event 4711'],
    ['spanledger content 4711 --field data.arguments --json', 'one value, for another program'],
    ['spanledger content 12 --log-number 1', 'of event 12 of log 1, where several processes wrote'],
    ['spanledger content 4711 --field data.result --prove --json > result.json', 'a value and its proof, to hand over'],
  ],
  async run(args, io) {
    const { seq, directory } = entryNamed('content', args)
    const field = args.text('field')
    const paint = paintFor(io)
    await withReader(
      args,
      io,
      async (log) => {
        requireOneLog('content', log)
        const all = await contentOf(log, seq)
        const asked = field === undefined ? all : all.filter((item) => item.field === field)
        if (field !== undefined && asked.length === 0) throw noSuchField(seq, field, all)
        const items = args.flag('prove') ? await proved(log, seq, asked) : asked
        await printOne(io, formatOf(args), { seq, items }, () => contentText(seq, items, paint))
      },
      directory,
    )
  },
}

/** @throws EntryRemovedError where the entry was removed */
async function contentOf(log: AuditLogReader, seq: number): Promise<readonly ResolvedContent[]> {
  if (await log.get(seq)) return await log.content({ seq })
  const { size } = await log.head()
  throw new CommandFailed(`there is no entry ${seq}: the log has ${size}`, { exitCode: EXIT.noInput })
}

/** @throws CommandFailed where not one of them can be proved */
async function proved(
  log: AuditLogReader,
  seq: number,
  items: readonly ResolvedContent[],
): Promise<readonly ProvedContent[]> {
  const found: ProvedContent[] = []
  for (const item of items) {
    const isReadable = item.status === 'readable'
    found.push(isReadable ? { ...item, proof: await log.proveContent({ seq }, item.field) } : item)
  }
  if (items.length > 0 && !found.some(({ proof }) => proof)) {
    const statuses = [...new Set(items.map(({ status }) => status))].join(', ')
    throw new CommandFailed(`nothing can be proved of event ${seq}: a proof needs the value, and this is ${statuses}`)
  }
  return found
}

function noSuchField(seq: number, field: string, items: readonly ResolvedContent[]): CommandFailed {
  const fields = items.map((item) => item.field).join(', ')
  const there = items.length === 0 ? 'it has no content' : `there are ${fields}`
  return new CommandFailed(`event ${seq} has no content in the field '${field}': ${there}`, { exitCode: EXIT.noInput })
}

function contentText(seq: number, items: readonly ProvedContent[], paint: Paint): string {
  if (items.length === 0) return `event ${seq} has no content`
  return items.map((item) => itemText(item, paint)).join('\n')
}

function itemText(item: ProvedContent, paint: Paint): string {
  const { field, class: itemClass, status, bytes: length, digest, erasure, value, proof } = item
  const erased = erasure ? ` at ${shortTime(erasure.time)}, under entry ${erasure.seq}` : ''
  const colour = status === 'readable' ? 'green' : status === 'damaged' ? 'red' : 'yellow'
  const head = [paint('bold', printable(field)), itemClass, paint(colour, `${status}${erased}`), bytes(length)]
  const lines = [head.join('  '), paint('grey', `  ${printable(digest)}`)]
  if (proof) lines.push(paint('grey', `  s=${proof.secret}`))
  if (status === 'readable') lines.push(indented(typeof value === 'string' ? value : JSON.stringify(value, null, 2)))
  return lines.join('\n')
}

function indented(text: string): string {
  return printableLines(text)
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}
