import { parentPort, workerData } from 'node:worker_threads'
import { type FrozenPlace, openFrozen } from './frozen-log.js'
import { runTask, type Task } from './tasks.js'

/** What a thread is asked, and what it answers. */
export interface TaskMessage {
  readonly id: number
  readonly task: Task
}
export interface TaskAnswer {
  readonly id: number
  readonly report?: unknown
  readonly error?: unknown
}

const place = workerData as FrozenPlace
const db = await openFrozen(place)

// One task after the other: two at a time would wait for each other.
let turn = Promise.resolve()
parentPort?.on('message', (message: TaskMessage | 'close') => {
  turn = turn.then(() => (message === 'close' ? close() : answer(message)))
})
parentPort?.postMessage('ready')

async function answer({ id, task }: TaskMessage): Promise<void> {
  let told: TaskAnswer
  try {
    told = { id, report: await runTask(db, task, place.location) }
  } catch (error) {
    told = { id, error }
  }
  parentPort?.postMessage(told)
}

async function close(): Promise<void> {
  await db.close()
  parentPort?.close()
}
