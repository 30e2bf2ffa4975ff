import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type AuditErrorCode, AuditLogError } from '../events/errors.js'
import type { FrozenLog } from './frozen-log.js'
import type { Task, TaskReport, TaskRunner } from './tasks.js'
import type { TaskAnswer, ThreadError } from './worker.js'

const WORKER = new URL('./worker.js', import.meta.url)

/** Where the code was bundled into one file, there is none for a thread to begin with. */
export function hasWorkerFile(): boolean {
  return WORKER.protocol === 'file:' && existsSync(fileURLToPath(WORKER))
}

interface Waiting {
  readonly task: Task
  readonly resolve: (report: never) => void
  readonly reject: (error: unknown) => void
}

interface Thread {
  readonly worker: Worker
  readonly ended: Promise<void>
  busyWith: number | undefined
}

/** Threads with a database of their own each, which take what waits, in its order. */
export class Threads implements TaskRunner {
  readonly #threads: Thread[] = []
  readonly #queue: number[] = []
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #failure: { readonly error: unknown } | undefined

  constructor(log: FrozenLog, count: number) {
    for (let n = 1; n <= count; n++) this.#start(log, n)
  }

  run<T extends Task>(task: T): Promise<TaskReport<T>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure.error)
        return
      }
      const id = this.#nextId++
      this.#waiting.set(id, { task, resolve, reject })
      this.#queue.push(id)
      for (const thread of this.#threads) this.#give(thread)
    })
  }

  /** Ends the threads, also in the midst of their work. */
  async close(isDone: boolean): Promise<void> {
    for (const { worker } of this.#threads) {
      if (isDone) worker.postMessage('close')
      else await worker.terminate()
    }
    await Promise.all(this.#threads.map(({ ended }) => ended))
  }

  #start(log: FrozenLog, n: number): void {
    let worker: Worker
    try {
      worker = new Worker(WORKER, { workerData: log.place(n) })
    } catch (error) {
      this.#fail(threadFailed(error))
      return
    }
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, ended, busyWith: undefined }
    worker.on('message', (answer: TaskAnswer) => this.#settle(thread, answer))
    worker.on('messageerror', (error) => this.#fail(threadFailed(error)))
    worker.on('error', (error) => this.#fail(threadFailed(error)))
    // If the thread exits with work left, a caller waits for it.
    worker.on('exit', (code) => this.#fail(threadFailed(new Error(`it ended with ${code}`))))
    this.#threads.push(thread)
  }

  #give(thread: Thread): void {
    if (thread.busyWith !== undefined) return
    const id = this.#queue.shift()
    if (id === undefined) return
    thread.busyWith = id
    thread.worker.postMessage({ id, task: (this.#waiting.get(id) as Waiting).task })
  }

  #settle(thread: Thread, { id, report, error }: TaskAnswer): void {
    const waiting = this.#waiting.get(id)
    // Another thread has failed meanwhile, and all callers were told.
    if (!waiting) return
    this.#waiting.delete(id)
    thread.busyWith = undefined
    this.#give(thread)
    if (error === undefined) waiting.resolve(report as never)
    else waiting.reject(revived(error))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#queue.length = 0
  }
}

/** A thread that did not start, ran out of memory or could not load its modules. */
function threadFailed(cause: unknown): AuditLogError {
  const { message } = cause instanceof Error ? cause : new Error(String(cause))
  return new AuditLogError('AUDIT_READ_FAILED', `A thread of the verification failed: ${message}`, { cause })
}

function revived({ message, code, isAuditError, stack }: ThreadError): Error {
  const error = isAuditError ? new AuditLogError(code as AuditErrorCode, message) : new Error(message)
  return Object.assign(error, { stack }, !isAuditError && code !== undefined && { code })
}
