import { AuditLogError } from '../events/errors.js'
import { threadFile } from '../threads/thread-file.js'
import { ThreadPool } from '../threads/thread-pool.js'
import type { Converted, Converter } from './converter.js'
import { type EntryGroup, memoryOf } from './entry-groups.js'
import type { ResolvedEncoding } from './resolve-encoding.js'

/** Asks a thread for the end of the file. */
export const END = 'end'

/** Returns the file that a thread begins with; `undefined` where there is none, so that the calling thread does the work. */
export function exportThreadFile(): URL | undefined {
  return threadFile('../export/export-thread.js', import.meta.url)
}

/** Converts on other threads, each with a converter of its own. */
export class ConvertingThreads implements Converter {
  readonly #pool: ThreadPool

  constructor(file: URL, encoding: ResolvedEncoding, count: number) {
    this.#pool = new ThreadPool({ file, count, data: () => encoding, failure: threadFailed })
  }

  /** Takes the memory of the group. */
  async convert(group: EntryGroup): Promise<Converted> {
    return (await this.#pool.run(group, memoryOf(group))) as Converted
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    return ((await this.#pool.run(END)) as { readonly bytes: Uint8Array<ArrayBuffer> }).bytes
  }

  async close(isDone: boolean): Promise<void> {
    await this.#pool.close(isDone)
  }
}

function threadFailed(cause: Error): AuditLogError {
  return new AuditLogError('AUDIT_READ_FAILED', `A thread of the export failed: ${cause.message}`, { cause })
}
