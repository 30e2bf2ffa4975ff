import { AuditLogError } from '../events/errors.js'
import { threadFile } from '../threads/thread-file.js'
import { ThreadPool } from '../threads/thread-pool.js'
import type { FrozenLog } from './frozen-log.js'
import type { Task, TaskReport, TaskRunner } from './tasks.js'

/** Returns the file that a thread begins with; `undefined` where there is none, so that the calling thread does the work. */
export function inspectionThreadFile(): URL | undefined {
  return threadFile('../inspection/inspection-thread.js', import.meta.url)
}

/** Threads with a database of their own each. */
export class Threads implements TaskRunner {
  readonly #pool: ThreadPool

  constructor(file: URL, log: FrozenLog, count: number) {
    this.#pool = new ThreadPool({ file, count, data: (thread) => log.place(thread), failure: threadFailed })
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
