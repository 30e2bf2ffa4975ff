import type { Finding } from '../verify/findings.js'
import { type FindPostingsTask, findPostings } from './find-postings.js'
import type { FrozenDatabases } from './frozen-log.js'
import { type BlockReport, type BlockTask, inspectBlock } from './inspect-block.js'
import { inspectPostings, type PostingsReport, type PostingsTask } from './inspect-postings.js'
import { inspectRest, type RestTask } from './inspect-rest.js'
import { inspectRows, type RowsTask } from './inspect-rows.js'
import type { RunChanges } from './open-run-table.js'
import type { RowChanges } from './row-changes.js'
import { inspectRuns, type RunsTask } from './run-changes.js'

/** Parts of the work, each of which one thread does, and what comes of it. All of it can be sent to a thread. */
export type Task = BlockTask | PostingsTask | FindPostingsTask | RestTask | RunsTask | RowsTask

export type TaskReport<T extends Task> = T extends BlockTask
  ? BlockReport
  : T extends PostingsTask
    ? PostingsReport
    : T extends RunsTask
      ? RunChanges
      : T extends RowsTask
        ? RowChanges
        : readonly Finding[]

export async function runTask<T extends Task>(
  databases: FrozenDatabases,
  task: T,
  location: string,
): Promise<TaskReport<T>>
export async function runTask(databases: FrozenDatabases, task: Task, location: string): Promise<unknown> {
  switch (task.kind) {
    case 'block':
      return await inspectBlock(databases, task, location)
    case 'postings':
      return await inspectPostings(databases, task, location)
    case 'find-postings':
      return await findPostings(databases, task, location)
    case 'rest':
      return await inspectRest(databases, task, location)
    case 'runs':
      return await inspectRuns(databases.entries, task, location)
    case 'rows':
      return await inspectRows(databases, task, location)
  }
}

/** Does tasks, on this thread or on others. */
export interface TaskRunner {
  run<T extends Task>(task: T): Promise<TaskReport<T>>
}
