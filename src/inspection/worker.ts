import { parentPort, workerData } from 'node:worker_threads'
import { AuditLogError } from '../events/errors.js'
import { closeFrozen, type FrozenDatabases, type FrozenPlace, openFrozen } from './frozen-log.js'
import { runTask, type Task } from './tasks.js'

/** What a thread is asked, and what it answers. */
export interface TaskMessage {
  readonly id: number
  readonly task: Task
}
export interface TaskAnswer {
  readonly id: number
  readonly report?: unknown
  readonly error?: ThreadError
}

/** An error on its way to another thread, which an error with a code of its own would not survive. */
export interface ThreadError {
  readonly message: string
  /** The code of an `AuditLogError`, of the operating system or of Node.js. */
  readonly code: string | undefined
  readonly isAuditError: boolean
  readonly stack: string | undefined
}

const place = workerData as FrozenPlace
/** Opened with the first task, so that what fails is the answer to it. */
let opened: Promise<FrozenDatabases> | undefined

// One task after the other: two at a time would wait for each other.
let turn = Promise.resolve()
parentPort?.on('message', (message: TaskMessage | 'close') => {
  turn = turn.then(() => (message === 'close' ? close() : answer(message)))
})

async function answer({ id, task }: TaskMessage): Promise<void> {
  let told: TaskAnswer
  try {
    opened ??= openFrozen(place)
    told = { id, report: await runTask(await opened, task, place.location) }
  } catch (error) {
    told = { id, error: plain(error) }
  }
  parentPort?.postMessage(told)
}

function plain(error: unknown): ThreadError {
  const { message, code, stack } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException
  return { message, code, isAuditError: error instanceof AuditLogError, stack }
}

async function close(): Promise<void> {
  if (opened) await closeFrozen(await opened)
  parentPort?.close()
}
