import { Client, type PoolConfig } from 'pg'
import type { Server } from './server.js'

/*
 * Readers that follow a log are woken when it grows. The notice goes out behind the commit and on its own: PostgreSQL
 * commits transactions that notify one after the other, whatever log they are of. It may be lost, so whoever waits for
 * one looks again after a while all the same.
 */

const channelOf = (log: number) => `spanledger_${log}`

/** Tells those who follow logs that these have grown. One notice is on its way at most. */
export class Announcer {
  readonly #server: Server
  readonly #log: number
  #isSending = false
  #hasGrown = false

  constructor(server: Server, log: number) {
    this.#server = server
    this.#log = log
  }

  announce(): void {
    this.#hasGrown = true
    if (!this.#isSending) this.#send()
  }

  async #send(): Promise<void> {
    this.#isSending = true
    try {
      while (this.#hasGrown) {
        this.#hasGrown = false
        await this.#server.ask('select pg_notify($1, $2)', [channelOf(this.#log), ''])
      }
    } catch {
      // Those who follow look by themselves.
    } finally {
      this.#isSending = false
    }
  }
}

/** Hears that a log has grown, on a connection of its own that is made when somebody first waits. */
export class ChangeListener {
  readonly #config: PoolConfig
  readonly #log: number
  #client: Client | undefined
  readonly #waiting = new Set<() => void>()

  constructor(config: PoolConfig, log: number) {
    this.#config = config
    this.#log = log
  }

  /** Resolves with the next notice, or when the signal is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    if (!this.#client) this.#listen()
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }

  async close(): Promise<void> {
    this.#wake()
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  /** Listening may fail, as on a standby: the next to wait tries again. */
  async #listen(): Promise<void> {
    const client = new Client(this.#config)
    this.#client = client
    const lost = () => {
      if (this.#client === client) this.#client = undefined
    }
    client.on('error', lost)
    client.on('end', lost)
    client.on('notification', () => this.#wake())
    try {
      await client.connect()
      await client.query(`listen ${channelOf(this.#log)}`)
    } catch {
      lost()
      await client.end().catch(() => {})
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}
