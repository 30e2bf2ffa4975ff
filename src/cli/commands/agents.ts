import type { AgentQuery } from '../../reader/query/query.js'
import { type Command, formatOf, noOperands, withReader } from '../command.js'
import { DEFAULT_LIST, format, reading, sessionFilters, shortList } from '../options.js'
import { printAll } from '../output.js'
import { agentLine } from '../render.js'

export const agents: Command = {
  summary: 'Lists the agents that acted, newest first',
  options: { ...sessionFilters, ...shortList, ...format, ...reading },
  examples: [
    ['spanledger agents', 'who acted'],
    ['spanledger agents --tenant acme --since 7d', 'who acted for a tenant lately'],
  ],
  async run(args, io) {
    noOperands(args)
    const asked = { order: 'desc', limit: DEFAULT_LIST, ...args.query(io.now()) } as AgentQuery
    await withReader(args, io, (log) => printAll(io, formatOf(args), log.agents(asked), agentLine))
  },
}
