import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { freePort, runTool, serverAccount, tool } from './installation.mjs'

export const PASSWORD = 'not-a-secret'

/** A server of PostgreSQL on loopback, with all its files in a temporary directory. */
export class PostgresServer {
  readonly port: number
  readonly #directory: string
  #process: ChildProcess | undefined
  #output = ''

  /** Makes a server and starts it. @param settings - lines for postgresql.conf */
  static async start(settings: readonly string[] = []): Promise<PostgresServer> {
    const server = await PostgresServer.#prepare()
    const pwfile = join(server.#directory, 'password')
    await writeFile(pwfile, PASSWORD)
    if (serverAccount) await chown(pwfile, serverAccount.uid, serverAccount.gid)
    runTool('initdb', [
      ...['-D', server.#files, '-U', 'postgres', `--pwfile=${pwfile}`, '--auth=scram-sha-256'],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ])
    await appendFile(join(server.#files, 'pg_hba.conf'), 'host replication all 127.0.0.1/32 scram-sha-256\n')
    await server.configure(settings)
    await server.run()
    return server
  }

  /** Makes a standby of this server and starts it. */
  async startStandby(name: string): Promise<PostgresServer> {
    const standby = await PostgresServer.#prepare()
    runTool('pg_basebackup', [
      ...['-D', standby.#files, '-R', '-X', 'stream', '--no-sync', '--checkpoint=fast'],
      ...['-d', `${this.url('postgres')}?application_name=${name}`],
    ])
    await standby.run()
    return standby
  }

  static async #prepare(): Promise<PostgresServer> {
    const directory = await mkdtemp(join(tmpdir(), 'spanledger-postgres-'))
    if (serverAccount) await chown(directory, serverAccount.uid, serverAccount.gid)
    return new PostgresServer(directory, await freePort())
  }

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.port = port
  }

  get #files(): string {
    return join(this.#directory, 'data')
  }

  #conninfo(name: string): string {
    return `host=127.0.0.1 port=${this.port} user=postgres password=${PASSWORD} application_name=${name}`
  }

  url(database: string, { role = 'postgres', password = PASSWORD, port = this.port } = {}): string {
    return `postgres://${role}:${password}@127.0.0.1:${port}/${database}`
  }

  async configure(settings: readonly string[]): Promise<void> {
    const lines = [
      "listen_addresses = '127.0.0.1'",
      "unix_socket_directories = ''",
      'shared_buffers = 32MB',
      'max_connections = 60',
      // Servers are killed here, and never a machine: what the system has is kept.
      'fsync = off',
      'full_page_writes = off',
      ...settings,
    ]
    await appendFile(join(this.#files, 'postgresql.conf'), `${lines.join('\n')}\n`)
  }

  /** Starts the server, and waits until it takes connections. */
  async run(): Promise<void> {
    const started = spawn(tool('postgres'), ['-D', this.#files, '-p', `${this.port}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...serverAccount,
    })
    started.stderr.on('data', (text) => {
      this.#output = `${this.#output}${text}`.slice(-10_000)
    })
    this.#process = started
    await this.until('select 1')
  }

  /** Follows another server from now on. */
  async follow(primary: PostgresServer, name: string): Promise<void> {
    await this.sql(`alter system set primary_conninfo = '${primary.#conninfo(name)}'`)
    await this.sql('select pg_reload_conf()')
  }

  /** Asks as the superuser. */
  async sql<R extends Record<string, unknown>>(text: string, database = 'postgres'): Promise<R[]> {
    const client = new Client({ connectionString: this.url(database), connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<R>(text)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** Waits until the server answers, with a row that says true or 1. */
  async until(text: string, database = 'postgres'): Promise<void> {
    for (let left = 600; ; left--) {
      const row = await this.sql(text, database).then(
        (rows) => rows[0],
        () => undefined,
      )
      if (row && Object.values(row).every(Boolean)) return
      if (left === 0 || this.#process?.exitCode != null) throw new Error(`'${text}' never came:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Ends the server and all of its processes at once, as loss of power would. */
  async kill(): Promise<void> {
    const running = this.#process
    if (!running?.pid || running.exitCode !== null || running.signalCode !== null) return
    const ended = once(running, 'exit')
    // The processes of its sessions would notice that it is gone only some time later.
    const all = [running.pid, ...childrenOf(running.pid)]
    for (const pid of all) signal(pid, 'SIGKILL')
    await ended
  }

  /** Ends the server, and removes its files. */
  async remove(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code !== 'ESRCH') throw problem
  }
}
