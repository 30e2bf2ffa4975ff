import { reindex as reindexLog } from '../../store/leveldb/reindex.js'
import { type Command, directoryOperand, formatOf, locationOf } from '../command.js'
import { throwIfInterrupted } from '../interrupted.js'
import { common, format } from '../options.js'
import { printOne } from '../output.js'
import { Progress } from '../progress.js'
import { UsageError } from '../usage-error.js'

export const reindex: Command = {
  summary: 'Rebuilds the index of a log from its entries; nothing may have the log open',
  operand: '[DIR]',
  options: { ...format, ...common },
  examples: [['spanledger reindex /var/lib/app/audit', 'after the directory index/ was lost or damaged']],
  async run(args, io) {
    const directory = directoryOperand(args)
    const location = locationOf(args, io, directory)
    if ('url' in location) throw new UsageError('reindex: a log in PostgreSQL keeps its indexes in step by itself')
    const progress = new Progress(io)
    try {
      const entries = await reindexLog(location.directory, {
        onProgress: ({ entries: done, size }) => {
          throwIfInterrupted(io)
          progress.show(() => `${done} of ${size} entries`)
        },
      })
      progress.clear()
      await printOne(io, formatOf(args), { entries }, () => `${entries} entries`)
    } finally {
      progress.clear()
    }
  },
}
