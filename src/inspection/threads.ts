import { AuditLogError } from '../events/errors.js'
import { hasThreadFile, ThreadPool } from '../threads/thread-pool.js'
import type { FrozenLog } from './frozen-log.js'
import type { Task, TaskReport, TaskRunner } from './tasks.js'

const WORKER = new URL('./worker.js', import.meta.url)

/** Returns whether there is a file for a thread to begin with. */
export function hasWorkerFile(): boolean {
  return hasThreadFile(WORKER)
}

/** Threads with a database of their own each. */
export class Threads implements TaskRunner {
  readonly #pool: ThreadPool

  constructor(log: FrozenLog, count: number) {
    this.#pool = new ThreadPool({ file: WORKER, count, data: (thread) => log.place(thread), failure: threadFailed })
  }

  async run<T extends Task>(task: T): Promise<TaskReport<T>> {
    return (await this.#pool.run(task)) as TaskReport<T>
  }

  /** Ends the threads, also in the midst of their work. */
  async close(isDone: boolean): Promise<void> {
    await this.#pool.close(isDone)
  }
}

function threadFailed(cause: Error): AuditLogError {
  return new AuditLogError('AUDIT_READ_FAILED', `A thread of the verification failed: ${cause.message}`, { cause })
}
