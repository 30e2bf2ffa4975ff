import { workerData } from 'node:worker_threads'
import { serveTasks } from '../threads/serve-tasks.js'
import { closeFrozen, type FrozenDatabases, type FrozenDirectory, openFrozen } from './frozen-log.js'
import { runTask, type Task } from './tasks.js'

const place = workerData as FrozenDirectory
/** Opened with the first task, so that what fails is the answer to it. */
let opened: Promise<FrozenDatabases> | undefined

serveTasks(
  async (task: Task) => {
    opened ??= openFrozen(place)
    return { report: await runTask(await opened, task, place.location) }
  },
  async () => {
    if (opened) await closeFrozen(await opened)
  },
)
