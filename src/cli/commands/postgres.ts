import { type Command, formatOf } from '../command.js'
import { format, help } from '../options.js'
import { printOne } from '../output.js'
import { isPostgresUrl, loadPostgres } from '../postgres.js'
import { UsageError } from '../usage-error.js'

export const postgres: Command = {
  summary: 'make or upgrade the tables of a PostgreSQL database',
  operand: 'migrate [URL]',
  operands: ['migrate'],
  options: { ...format, help },
  examples: [
    ['spanledger postgres migrate postgres://owner@db.example.com/audit', 'as the owner of the tables'],
    ['PGHOST=db.example.com PGDATABASE=audit spanledger postgres migrate', 'with the variables that psql takes'],
  ],
  async run(args, io) {
    const [what, connectionString, ...more] = args.positionals
    if (what !== 'migrate') throw new UsageError("say what to do: 'spanledger postgres migrate'")
    if (more[0] !== undefined) throw new UsageError(`'${more[0]}' is one word too many`)
    if (connectionString !== undefined && !isPostgresUrl(connectionString)) {
      throw new UsageError('say where: postgres://user@host/database')
    }
    const { migrate } = await loadPostgres()
    const migration = await migrate(connectionString === undefined ? {} : { connectionString })
    const { from, to } = migration
    const done = from === to ? 'nothing to do' : from === 0 ? 'tables made' : `upgraded from version ${from}`
    await printOne(io, formatOf(args), migration, () => `version ${to}: ${done}`)
  },
}
