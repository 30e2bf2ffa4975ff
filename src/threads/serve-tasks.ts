import { parentPort } from 'node:worker_threads'
import { plainError, type ThreadError } from './thread-error.js'

/** A task for a thread. */
export interface TaskMessage {
  readonly id: number
  readonly task: unknown
}

/** The answer of a thread to a task. */
export interface TaskAnswer {
  readonly id: number
  readonly report?: unknown
  readonly error?: ThreadError
}

/** Asks a thread to end once its tasks are done. */
export const CLOSE = 'close'

/** The report of a task, and the memory of it that is handed over rather than copied. */
export interface Report {
  readonly report: unknown
  readonly transfer?: readonly ArrayBuffer[]
}

/**
 * Does the tasks that a `ThreadPool` gives this thread: one after the other, since two at a time would wait for each
 * other.
 *
 * @param close - called once, when the pool is done
 */
export function serveTasks(run: (task: never) => Promise<Report>, close: () => Promise<void> = async () => {}): void {
  let turn = Promise.resolve()
  parentPort?.on('message', (message: TaskMessage | typeof CLOSE) => {
    turn = turn.then(async () => {
      if (message !== CLOSE) return await answer(message, run)
      await close()
      end()
    })
  })
}

/** A thread of Deno has a port that cannot be closed. */
function end(): void {
  if (typeof parentPort?.close === 'function') parentPort.close()
  else (globalThis as { close?(): void }).close?.()
}

async function answer({ id, task }: TaskMessage, run: (task: never) => Promise<Report>): Promise<void> {
  let reply: TaskAnswer
  let moved: readonly ArrayBuffer[] = []
  try {
    const { report, transfer = [] } = await run(task as never)
    reply = { id, report }
    moved = transfer
  } catch (error) {
    reply = { id, error: plainError(error) }
  }
  parentPort?.postMessage(reply, [...moved])
}
