import { backupAuditLog } from '../../backup/backup.js'
import { stagedEvents } from '../../ledger/staged-events.js'
import { type Command, directoryOperand, formatOf, locationOf } from '../command.js'
import { common, format } from '../options.js'
import { type Io, printOne, write } from '../output.js'
import { UsageError } from '../usage-error.js'

export const backup: Command = {
  summary: 'Copies a log or a ledger as it is at one moment, also while processes write it',
  operand: '[DIR]',
  options: {
    output: {
      type: 'string',
      short: 'o',
      value: 'DIR',
      help: 'write the copy to this directory, which must not exist or be empty',
    },
    'with-keys': {
      type: 'boolean',
      help: 'copy the private keys as well: whoever has the copy can then sign as the log',
    },
    ...format,
    ...common,
  },
  examples: [
    ['spanledger backup /var/lib/app/audit --output /backups/audit-2026-11-30', 'copy a log that is being written'],
    ['spanledger verify /backups/audit-2026-11-30 --vkey log.vkey', 'verify the copy'],
  ],
  async run(args, io) {
    const directory = directoryOperand(args)
    const location = locationOf(args, io, directory)
    if ('url' in location) throw new UsageError('backup: use the tools of PostgreSQL for a log that is kept there')
    const output = args.text('output')
    if (output === undefined) throw new UsageError('backup: name the directory of the copy with --output DIR')
    const made = await backupAuditLog(location.directory, output, { withKeys: args.flag('with-keys') ?? false })
    await reportLeftOut(io, location.directory)
    await printOne(io, formatOf(args), made, () => {
      const logs = made.logs.map(({ log, size }) => `log ${log}: ${size} ${size === 1 ? 'entry' : 'entries'}`)
      return [made.destination, ...logs.map((line) => `  ${line}`)].join('\n')
    })
  },
}

/** Reports on standard error what processes recorded before they had a log. A failure to find out is none of the copy, which is made. */
async function reportLeftOut(io: Io, location: string): Promise<void> {
  let count = 0
  try {
    for (const { log, events } of stagedEvents(location)) if (log === undefined) for (const _ of events()) count++
  } catch {
    // Its owner deletes it once a log has it.
  }
  if (count === 0) return
  const are = count === 1 ? '1 event is' : `${count} events are`
  await write(
    io.err,
    `${are} not in the copy: no log has what is in staging until a process opens one. Make another copy then
`,
  )
}
