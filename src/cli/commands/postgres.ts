import { type Command, formatOf } from '../command.js'
import { format, help } from '../options.js'
import { printOne } from '../output.js'
import { asTyped, isPostgresUrl, loadPostgres, logAt } from '../postgres.js'
import { UsageError } from '../usage-error.js'

export const postgres: Command = {
  summary: 'Creates or upgrades the tables in PostgreSQL; grants and revokes rights for a log',
  operand: 'migrate [URL] | grant URL#LOG-ID ROLE | revoke URL#LOG-ID ROLE',
  operands: ['migrate', 'grant', 'revoke'],
  options: {
    read: { type: 'boolean', help: 'grant: the right to read the log, and not to write it' },
    ...format,
    help,
  },
  examples: [
    ['spanledger postgres migrate postgres://owner@db.example.com/audit', 'as the owner of the tables'],
    [
      'spanledger postgres grant postgres://owner@db.example.com/audit#payments payments_service',
      'one log for one role',
    ],
    ['PGHOST=db.example.com PGDATABASE=audit spanledger postgres migrate', 'with the variables that psql takes'],
  ],
  async run(args, io) {
    const [what, ...operands] = args.positionals
    const act = what !== undefined && Object.hasOwn(ACTS, what) ? ACTS[what as keyof typeof ACTS] : undefined
    if (!act) throw new UsageError("say what to do: 'spanledger postgres migrate', 'grant' or 'revoke'")
    const { result, text } = await act(operands, args.flag('read'))
    await printOne(io, formatOf(args), result, () => text)
  },
}

/** The outcome of an action, for programs and in words. */
interface Done {
  readonly result: object
  readonly text: string
}

const ACTS = { migrate: migrateTables, grant, revoke } satisfies Record<
  string,
  (operands: readonly string[], isReader: boolean) => Promise<Done>
>

async function migrateTables(operands: readonly string[]): Promise<Done> {
  const [connectionString] = operands
  assertOperands(operands, 1)
  if (connectionString !== undefined && !isPostgresUrl(connectionString)) {
    throw new UsageError('say where: postgres://user@host/database')
  }
  const { migrate } = await loadPostgres()
  const result = await rejectedAsTyped(migrate(connectionString === undefined ? {} : { connectionString }))
  const { from, to } = result
  const done = from === to ? 'nothing to do' : from === 0 ? 'tables made' : `upgraded from version ${from}`
  const open =
    from === 1
      ? "; every member of spanledger_writer may still write the logs that were there: 'spanledger postgres grant' gives each to its own role"
      : ''
  return { result, text: `version ${to}: ${done}${open}` }
}

async function grant(operands: readonly string[], isReader: boolean): Promise<Done> {
  const given = { ...logAndRole(operands), may: isReader ? 'read' : 'write' } as const
  const { grantLog } = await loadPostgres()
  await rejectedAsTyped(grantLog(given))
  const { logId, role, may } = given
  return { result: { logId, role, may }, text: `${role} may ${may} ${logId}` }
}

async function revoke(operands: readonly string[]): Promise<Done> {
  const given = logAndRole(operands)
  const { revokeLog } = await loadPostgres()
  await rejectedAsTyped(revokeLog(given))
  const { logId, role } = given
  return { result: { logId, role }, text: `${role} has no right of its own for ${logId}` }
}

function logAndRole(operands: readonly string[]) {
  const [url, role] = operands
  if (url === undefined || role === undefined) {
    throw new UsageError('say which log and which role: postgres://owner@host/database#LOG-ID ROLE')
  }
  assertOperands(operands, 2)
  return { ...logAt(url), role }
}

function assertOperands(operands: readonly string[], most: number): void {
  if (operands.length > most) throw new UsageError(`expected ${most} operands, got ${operands.length}`)
}

async function rejectedAsTyped<T>(acting: Promise<T>): Promise<T> {
  return await acting.catch((problem: unknown) =>
    asTyped('', () => {
      throw problem
    }),
  )
}
