import { text } from 'node:stream/consumers'
import { type AuditLog, openAuditLog } from '../../audit-log/index.js'
import type { AuditEventInput } from '../../events/types.js'
import { isLog } from '../../store/leveldb/database.js'
import { type Command, CommandFailed, formatOf, locationOf, noOperands } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { type Arguments, common, format, tenant } from '../options.js'
import { type Io, printOne } from '../output.js'
import { storeAt } from '../postgres.js'
import { signerFor } from '../signer.js'
import { UsageError } from '../usage-error.js'

export const record: Command = {
  summary: 'Appends one event by hand; a log in a directory must not be open for writing elsewhere',
  options: {
    type: { type: 'string', short: 't', value: 'TYPE', help: 'event type, by default custom' },
    data: { type: 'string', short: 'd', value: 'JSON', help: "the event's data; - reads it from standard input" },
    tenant,
    session: { type: 'string', value: 'ID', help: 'of this session' },
    run: { type: 'string', value: 'ID', help: 'of this run' },
    agent: { type: 'string', value: 'NAME', help: 'of the agent with this name' },
    actor: { type: 'string', value: 'ID', help: 'on behalf of this user' },
    ...format,
    create: { type: 'boolean', help: 'make the log if there is none' },
    ...common,
  },
  examples: [
    [`spanledger record -d '{"name":"key_rotated","by":"ada"}' --actor ada`, 'a note in the log'],
    [
      `spanledger record -t policy_violation -d '{"rule":"pii","action":"blocked"}' --run r-1`,
      'an event of the catalogue',
    ],
    [
      `spanledger record -t intervention -d '{"kind":"kill_switch","decider":"person","by":"ada"}' --run r-1`,
      'who stepped in',
    ],
  ],
  async run(args, io) {
    noOperands(args)
    const event = await eventOf(args, io)
    const log = await openLog(args, io)
    try {
      const { seq, leafHash } = await log.append(event)
      const receipt = { seq, leafHash: Buffer.from(leafHash).toString('hex') }
      await printOne(io, formatOf(args), receipt, () => String(seq))
    } finally {
      await log.close()
    }
  },
}

async function openLog(args: Arguments, io: Io): Promise<AuditLog> {
  const location = locationOf(args, io)
  if ('url' in location) return await openLogInStore(location.url, args.flag('create'))
  const { directory } = location
  if (!args.flag('create') && !(await isLog(directory))) {
    throw new CommandFailed(`There is no audit log in ${directory}; --create makes one`, { exitCode: EXIT.noInput })
  }
  return await openAuditLog(directory)
}

/** Under a writer's name of its own, beside those that have the log open. */
async function openLogInStore(url: string, create: boolean): Promise<AuditLog> {
  const store = await storeAt(url)
  try {
    if (!create) {
      // To open it for writing makes it.
      await store.openForReading()
      await store.close()
    }
    await store.open()
    return await openAuditLog({ store, signer: await signerFor(store) })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function eventOf(args: Arguments, { input }: Io): Promise<AuditEventInput> {
  const given = args.text('data')
  if (given === undefined) throw new UsageError(`record: give --data, such as '{"name":"note"}'`)
  const [tenantId, sessionId, runId] = [args.text('tenant'), args.text('session'), args.text('run')]
  const [agent, actor] = [args.text('agent'), args.text('actor')]
  // The log checks it.
  return {
    type: args.text('type') ?? 'custom',
    data: parseJson(given === '-' ? await text(input) : given),
    ...(tenantId !== undefined && { tenantId }),
    ...(sessionId !== undefined && { sessionId }),
    ...(runId !== undefined && { runId }),
    ...(agent !== undefined && { agent: { name: agent } }),
    ...(actor !== undefined && { actor: { id: actor } }),
  } as AuditEventInput
}

function parseJson(json: string): unknown {
  try {
    // Attacker-controlled: a script may pass on text of others; the log checks type, size and fields.
    return JSON.parse(json)
  } catch (error) {
    throw new UsageError(`--data is no JSON: ${(error as Error).message}`)
  }
}
