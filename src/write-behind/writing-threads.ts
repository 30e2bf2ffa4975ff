import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { threadFile } from '../threads/thread-file.js'
import type { WritingThreadData, WritingThreadMessage } from './ring.js'

/** Taken while this module is loaded: in CommonJS it takes a `require`, which Jest refuses once a test file has ended. */
const HERE = import.meta.url

/** Returns the file that a thread begins with; `undefined` where there is none, so that the calling thread does the work. */
export function writingThreadFile(): URL | undefined {
  return threadFile('../write-behind/writing-thread.js', HERE)
}

/**
 * Returns the options by which Node.js reads packages in Yarn's archives. What else the environment and the switches of the process
 * have it load is for the program that it runs.
 */
function plugAndPlay(): string {
  const options = process.env.NODE_OPTIONS ?? ''
  return [
    ...options.matchAll(/--(?:require|import|(?:experimental-)?loader)[ =](?:"[^"]*\.pnp\.[^"]*"|\S*\.pnp\.\S*)/g),
  ].join(' ')
}

/**
 * Starts a thread that writes what is put into a ring.
 *
 * @param descriptor - of an open file
 * @returns the thread, once it is ready
 * @throws Error where there is none, or it cannot write to files that this thread has opened
 */
export async function startWritingThread(
  file: URL | undefined,
  shared: SharedArrayBuffer,
  descriptor: number,
): Promise<Worker> {
  if (!file) throw new Error('the file that the thread begins with is not there')
  const { dev, ino } = fstatSync(descriptor, { bigint: true })
  const workerData: WritingThreadData = { shared, probe: { descriptor, dev, ino } }
  const worker = new Worker(file, { workerData, execArgv: [], env: { NODE_OPTIONS: plugAndPlay() } })
  try {
    const ended = new AbortController()
    worker.once('exit', () => ended.abort(new Error('the thread ended at once')))
    const [message]: WritingThreadMessage[] = await once(worker, 'message', { signal: ended.signal })
    if (message !== 'ready') throw new Error('threads of this runtime do not share open files')
    return worker
  } catch (problem) {
    await worker.terminate()
    throw problem
  }
}
