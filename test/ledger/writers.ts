import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openAuditLog } from '../../src/audit-log/index.js'
import { openNote, parseNote } from '../../src/checkpoint/index.js'
import type { StoredEvent } from '../../src/events/index.js'
import { logDirectories } from '../../src/ledger/log-directories.js'

const script = join(import.meta.dirname, 'writer.mjs')

/** The messages of a writer. */
export interface Answer {
  readonly log?: number
  readonly unclean?: boolean
  readonly problems?: readonly string[]
  readonly appended?: string
  readonly begun?: string
  readonly closed?: boolean
  readonly ready?: boolean
  readonly code?: string
  readonly message?: string
}

/** A process or a thread that writes a ledger. */
export class Writer {
  /** Names of the events that are stored, by the word of the writer. */
  readonly appended: string[] = []
  readonly #answers: Answer[] = []
  #heard: (() => void) | undefined
  readonly #tell: (message: unknown) => void
  readonly #end: () => Promise<unknown>

  constructor(
    listen: (hear: (answer: Answer) => void) => void,
    tell: (message: unknown) => void,
    end: () => Promise<unknown>,
  ) {
    this.#tell = tell
    this.#end = end
    listen((answer) => {
      if (answer.appended !== undefined) this.appended.push(answer.appended)
      this.#answers.push(answer)
      this.#heard?.()
    })
  }

  static process(dist: string, location: string): Writer {
    return Writer.ofChild(fork(script, [dist, location]))
  }

  static ofChild(child: ChildProcess): Writer {
    const exited = once(child, 'exit')
    const end = async () => {
      child.kill('SIGKILL')
      await exited
    }
    return new Writer(
      (hear) => child.on('message', (answer) => hear(answer as Answer)),
      (message) => child.send(message as object),
      end,
    )
  }

  static thread(dist: string, location: string): Writer {
    const worker = new Worker(script, { workerData: [dist, location] })
    return new Writer(
      (hear) => worker.on('message', hear),
      (message) => worker.postMessage(message),
      () => worker.terminate(),
    )
  }

  tell(act: string, text?: string): void {
    this.#tell([act, text])
  }

  /** Waits for the first answer that fits, also one that came before. */
  async hears(fits: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const at = this.#answers.findIndex((answer) => fits(answer) || answer.code !== undefined)
      if (at >= 0) return this.#answers.splice(at, 1)[0] as Answer
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  async opens(): Promise<Answer> {
    this.tell('open')
    return await this.hears(({ log, message }) => log !== undefined || message !== undefined)
  }

  async appends(name: string): Promise<Answer> {
    this.tell('append', name)
    return await this.hears(({ appended }) => appended === name)
  }

  async closes(): Promise<Answer> {
    this.tell('close')
    return await this.hears(({ closed }) => closed === true)
  }

  /** Ends it as it is: a process by SIGKILL. */
  async kill(): Promise<void> {
    await this.#end()
  }
}

/** A log of a ledger, as it is when it is opened by itself. */
export interface ReadLog {
  readonly log: number
  readonly events: readonly StoredEvent[]
  readonly status: string
  readonly problems: number
}

/** Opens each log of a ledger by itself, reads and verifies it. */
export async function readLedger(location: string): Promise<readonly ReadLog[]> {
  const read: ReadLog[] = []
  for (const { number, path: directory } of await logDirectories(location)) {
    const log = await openAuditLog(directory)
    const events = await log.events().toArray()
    await log.checkpoint()
    const { status, problems } = await log.verify()
    await log.close()
    read.push({ log: number, events, status, problems: problems.length })
  }
  return read
}

/** Returns the names of the events that the writers appended. */
export function namesIn(logs: readonly ReadLog[]): string[] {
  return logs.flatMap(({ events }) =>
    events.flatMap(({ type, data }) => (type === 'custom' ? [String((data as { name?: unknown }).name)] : [])),
  )
}

/** Returns the vkeys that a log's statements of its ledger certify by the key of the ledger. */
export function certifiedKeys({ log, events }: ReadLog, ledgerVkey: string): string[] {
  return events.flatMap(({ type, data }) => {
    if (type !== 'ledger_joined') return []
    const said = data as { ledger: string; log: number; vkey: string; statement?: string }
    if (said.statement === undefined || said.log !== log) return []
    openNote(said.statement, [ledgerVkey])
    const text = `spanledger.dev/ledger-log\n${said.ledger}\n${log}\n${said.vkey}\n`
    return parseNote(said.statement).text === text ? [said.vkey] : []
  })
}
