import type { SessionQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { DEFAULT_LIST, format, reading, sessionFilters, shortList } from '../options.js'
import { printAll } from '../output.js'
import { sessionLine } from '../render.js'

export const sessions: Command = {
  summary: 'Lists sessions, newest first',
  options: { ...sessionFilters, ...shortList, ...format, ...reading },
  examples: [['spanledger sessions --since today', 'who was here today']],
  async run(args, io) {
    noOperands(args)
    const asked = { order: 'desc', limit: DEFAULT_LIST, ...args.query(io.now()) } as SessionQuery
    await withReader(args, io, (log) => printAll(io, formatOf(args), log.sessions(asked), sessionLine))
  },
}
