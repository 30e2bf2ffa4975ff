import { Worker } from 'node:worker_threads'
import { CLOSE, type TaskAnswer } from './serve-tasks.js'
import { revivedError } from './thread-error.js'

/** The threads of a pool. */
export interface ThreadPoolOptions {
  /** File that each thread runs, which calls `serveTasks`. */
  readonly file: URL
  readonly count: number
  /** Returns the `workerData` of a thread. @param thread - from 1 on */
  readonly data: (thread: number) => unknown
  /** The error for a thread that did not start, ran out of memory or could not load its modules. */
  readonly failure: (cause: Error) => Error
}

interface Waiting {
  readonly task: unknown
  readonly transfer: readonly ArrayBuffer[]
  readonly resolve: (report: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Thread {
  readonly worker: Worker
  readonly ended: Promise<void>
  busyWith: number | undefined
}

/** Threads that take what waits, in its order. */
export class ThreadPool {
  readonly #options: ThreadPoolOptions
  readonly #threads: Thread[] = []
  readonly #queue: number[] = []
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #failure: { readonly error: unknown } | undefined

  constructor(options: ThreadPoolOptions) {
    this.#options = options
    for (let n = 1; n <= options.count; n++) this.#start(n)
  }

  /**
   * Has a task done. When a thread fails, all tasks reject, also those of other threads.
   *
   * @param transfer - memory of the task that is handed over rather than copied
   */
  run(task: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure.error)
        return
      }
      const id = this.#nextId++
      this.#waiting.set(id, { task, transfer, resolve, reject })
      this.#queue.push(id)
      for (const thread of this.#threads) this.#give(thread)
    })
  }

  /** Ends the threads, also in the midst of their work unless all of it is done. */
  async close(isDone: boolean): Promise<void> {
    for (const { worker } of this.#threads) {
      if (isDone) worker.postMessage(CLOSE)
      else await worker.terminate()
    }
    await Promise.all(this.#threads.map(({ ended }) => ended))
  }

  #start(n: number): void {
    let worker: Worker
    try {
      // Switches of the process are for the program that it runs: a thread would refuse some, and load what others name.
      worker = new Worker(this.#options.file, { workerData: this.#options.data(n), execArgv: [] })
    } catch (error) {
      this.#fail(error)
      return
    }
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, ended, busyWith: undefined }
    worker.on('message', (answer: TaskAnswer) => this.#settle(thread, answer))
    worker.on('messageerror', (error) => this.#fail(error))
    worker.on('error', (error) => this.#fail(error))
    // If the thread exits with work left, a caller waits for it.
    worker.on('exit', (code) => this.#fail(new Error(`it ended with ${code}`)))
    this.#threads.push(thread)
  }

  #give(thread: Thread): void {
    if (thread.busyWith !== undefined) return
    const id = this.#queue.shift()
    if (id === undefined) return
    thread.busyWith = id
    const { task, transfer } = this.#waiting.get(id) as Waiting
    thread.worker.postMessage({ id, task }, [...transfer])
  }

  #settle(thread: Thread, { id, report, error }: TaskAnswer): void {
    const waiting = this.#waiting.get(id)
    // Another thread has failed meanwhile, and the promises of all callers are rejected.
    if (!waiting) return
    this.#waiting.delete(id)
    thread.busyWith = undefined
    this.#give(thread)
    if (error === undefined) waiting.resolve(report)
    else waiting.reject(revivedError(error))
  }

  #fail(cause: unknown): void {
    this.#failure ??= { error: this.#options.failure(cause instanceof Error ? cause : new Error(String(cause))) }
    const { error } = this.#failure
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#queue.length = 0
  }
}
