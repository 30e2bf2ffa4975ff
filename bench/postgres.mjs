// What a log in PostgreSQL costs beside rows written by hand, how it scales with writers and logs, and what forwarding
// adds to recording in a local log.
import { Client } from 'pg'
import { migrate } from '../dist/store/postgres/index.js'
import { isInstalled } from '../test/postgres/support/installation.mjs'
import * as forwarding from './postgres/forwarding.mjs'
import * as rows from './postgres/rows.mjs'
import { startServer } from './postgres/server.mjs'
import * as writers from './postgres/writers.mjs'

export const title = 'PostgreSQL'

/** On the empty database that SPANLEDGER_BENCH_POSTGRES names; else on a server of its own, where there is one. */
export async function run({ quick, log }) {
  const given = process.env.SPANLEDGER_BENCH_POSTGRES
  if (!given && !isInstalled()) {
    log('left out: PostgreSQL is not installed, and SPANLEDGER_BENCH_POSTGRES names no empty database')
    return undefined
  }
  const server = given ? { connectionString: given, stop: async () => {} } : await startServer()
  try {
    const { connectionString } = server
    await migrate({ connectionString })
    const options = { connectionString, quick, log }
    return {
      server: await settingsOf(connectionString),
      isOwn: !given,
      rows: await rows.run(options),
      writers: await writers.run(options),
      forwarding: await forwarding.run(options),
    }
  } finally {
    await server.stop()
  }
}

/** What decides on how durable a commit is, and with that on how long it takes. */
async function settingsOf(connectionString) {
  const client = new Client(connectionString)
  await client.connect()
  const setting = async (name) => (await client.query('select current_setting($1) as value', [name])).rows[0].value
  try {
    return {
      version: (await setting('server_version')).split(' ')[0],
      fsync: await setting('fsync'),
      synchronousCommit: await setting('synchronous_commit'),
    }
  } finally {
    await client.end()
  }
}

export function tables(result) {
  const { server, isOwn } = result
  const where = `PostgreSQL ${server.version} ${isOwn ? 'on the same machine' : 'as given'}, fsync ${server.fsync}, synchronous_commit ${server.synchronousCommit}`
  return [rows.table(result.rows, where), writers.table(result.writers), ...forwarding.tables(result.forwarding)]
}
