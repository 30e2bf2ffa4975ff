import { formatReceipt, parseReceipt } from '../../checkpoint/index.js'
import type { AuditLogReader } from '../../reader/contract.js'
import { type Command, withReader } from '../command.js'
import { ENTRY_OPERAND, entryNamed, requireOneLog } from '../one-entry.js'
import { reading } from '../options.js'
import { write } from '../output.js'
import { writeFileAtOnce } from '../output-file.js'

export const prove: Command = {
  summary: 'Writes a receipt that proves one entry; it contains the bytes of the entry, unless it was removed',
  operand: ENTRY_OPERAND,
  options: {
    output: { type: 'string', short: 'o', value: 'FILE', help: 'write this file' },
    force: { type: 'boolean', help: 'replace the file' },
    ...reading,
  },
  examples: [
    ['spanledger prove 4711 -o 4711.receipt', 'to hand over'],
    ['spanledger prove 12 --log-number 1 -o 1-12.receipt', 'entry 12 of log 1, where several processes wrote'],
    ['spanledger verify --receipt 4711.receipt --vkey log.vkey', 'what the other one does with it'],
  ],
  async run(args, io) {
    const { seq, directory } = entryNamed('prove', args)
    await withReader(
      args,
      io,
      async (log) => {
        requireOneLog('prove', log)
        const receipt = await receiptWithEntry(log, seq)
        const file = args.text('output')
        if (file === undefined) await write(io.out, receipt)
        else await writeFileAtOnce(file, args.flag('force'), (put) => put(Buffer.from(receipt)))
      },
      directory,
    )
  },
}

async function receiptWithEntry(log: AuditLogReader, seq: number): Promise<string> {
  const { receipt } = await log.prove(seq)
  // There is none where the entry was removed: its leaf hash is proved all the same.
  const [entry] = await log.entries({ afterSeq: seq - 1, beforeSeq: seq + 1 }).toArray()
  return formatReceipt({ ...parseReceipt(receipt as string), extra: entry?.bytes })
}
