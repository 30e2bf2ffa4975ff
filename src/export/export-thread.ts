import { workerData } from 'node:worker_threads'
import { serveTasks } from '../threads/serve-tasks.js'
import { converterFor } from './converter.js'
import { END } from './converting-threads.js'
import type { EntryGroup } from './entry-groups.js'
import type { ResolvedEncoding } from './resolve-encoding.js'

const converter = converterFor(workerData as ResolvedEncoding)

serveTasks(async (task: EntryGroup | typeof END) => {
  const report = task === END ? { bytes: await converter.end() } : await converter.convert(task)
  return { report, transfer: 'bytes' in report ? [report.bytes.buffer] : [] }
})
