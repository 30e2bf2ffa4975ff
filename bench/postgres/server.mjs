import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { freePort, runTool, serverAccount, tool } from '../../test/postgres/support/installation.mjs'

const TRIES = 600

/**
 * Starts a server on loopback with all of its files in a temporary directory, and with the settings it is made with:
 * it fsyncs.
 */
export async function startServer() {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-bench-postgres-'))
  const [files, passwordFile] = [join(directory, 'files'), join(directory, 'password')]
  const [password, port] = [randomUUID(), await freePort()]
  let child
  const stop = async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      await ended
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  try {
    await writeFile(passwordFile, password)
    if (serverAccount) {
      for (const path of [directory, passwordFile]) await chown(path, serverAccount.uid, serverAccount.gid)
    }
    const account = ['-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
    runTool('initdb', ['-D', files, ...account, '--encoding=UTF8', '--locale=C'])
    await appendFile(
      join(files, 'postgresql.conf'),
      "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nlog_min_messages = fatal\n",
    )
    child = spawn(tool('postgres'), ['-D', files, '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...serverAccount,
    })
    // Should this process end in any other way, its server ends too.
    const started = child
    process.once('exit', () => started.kill('SIGINT'))
    const connectionString = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
    await untilUp(child, connectionString)
    return { connectionString, stop }
  } catch (problem) {
    await stop()
    throw problem
  }
}

async function untilUp(child, connectionString) {
  let output = ''
  child.stderr.on('data', (text) => {
    output = `${output}${text}`.slice(-10_000)
  })
  for (let left = TRIES; ; left--) {
    const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (isUp) return
    if (left === 0 || child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${output}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
