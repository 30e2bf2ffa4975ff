import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'
import { EventSchemas } from '../../src/events/validate.js'
import { LogWriter } from '../../src/log/committing/writer.js'
import type { LogWriterParts } from '../../src/log/committing/writer-parts.js'
import { Journal } from '../../src/log/journal/journal.js'
import { JournalReplay, type ReplayedEntry } from '../../src/log/journal/journal-replay.js'
import { LogEmitter } from '../../src/log/log-emitter.js'
import { Sealer } from '../../src/log/sealing/seal.js'
import type { AuditStore, CommitMarks } from '../../src/store/contract.js'
import { memoryStore } from '../../src/store/memory/index.js'

/** Logs in memory with real journals, for the tests of one file: each test has a directory of its own. */
export function useJournaledLogs() {
  let directory: string
  const opened: LogWriter[] = []

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
    await Promise.allSettled(opened.splice(0).map((log) => log.close()))
    await rm(directory, { recursive: true, force: true })
  })

  return {
    /** Directory of the journal of the test. */
    journalDirectory: () => directory,
    /** Opens a log whose store can be held up and made to fail, and whose timers never go off. */
    async openLog(parts: Partial<LogWriterParts> & { segmentBytes?: number } = {}) {
      const store = memoryStore()
      await store.open()
      const control = {
        failure: undefined as unknown,
        held: undefined as Promise<void> | undefined,
        marks: [] as CommitMarks[],
      }
      const { commit } = store
      store.commit = async (group, marks) => {
        await control.held
        if (control.failure !== undefined) throw control.failure
        if (marks) control.marks.push(marks)
        return await commit.call(store, group, marks)
      }
      const problems: Error[] = []
      const { segmentBytes = 4096, ...rest } = parts
      const journal = new Journal({ directory, segment: 1, after: 0, oldest: 1, bootId: '', segmentBytes })
      const log = new LogWriter({
        store,
        journal,
        sealer: new Sealer(
          () => [1_795_300_506, 0],
          'test.example/log',
          '',
          // However long a test takes, its clock was not set.
          () => 0,
        ),
        schemas: new EventSchemas(),
        maxQueueBytes: 70_000,
        emitter: new LogEmitter({ problem: (problem) => problems.push(problem) }),
        startTimer: () => () => {},
        ...rest,
      })
      opened.push(log)
      return { log, store, journal, control, problems }
    },
    /** Returns what a recovery would find in the journal behind what the store has. */
    left(store: AuditStore): ReplayedEntry[] {
      const replay = new JournalReplay({
        directory,
        from: store.journalPosition,
        closedInOrder: false,
        bootId: '',
        onDamage: 'refuse',
        location: 'test',
      })
      return [...replay.entries()]
    },
  }
}

export const note = (name: string, pad = 0) => ({ type: 'custom' as const, data: { name, pad: 'x'.repeat(pad) } })
export const nameOf = ({ data }: { data: unknown }) => (data as { name?: string }).name

/** Makes writes to files fail as on a full disk, after `bytes` of the first one. */
export function failWrites({ bytes = 0, truncates = true } = {}) {
  const problem = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  const { writeSync } = fs
  const write = vi.spyOn(fs, 'writeSync')
  const attempts = { left: bytes }
  write.mockImplementation(((...[fd, buffer, offset, , position]: [number, Buffer, number, number, number]) => {
    if (attempts.left === 0) throw problem
    const written = writeSync(fd, buffer, offset, attempts.left, position)
    attempts.left = 0
    return written
  }) as unknown as typeof fs.writeSync)
  const truncate = vi.spyOn(fs, 'ftruncateSync')
  if (!truncates)
    truncate.mockImplementation(() => {
      throw problem
    })
  syncBuiltinESMExports()
  return {
    problem,
    mend() {
      write.mockRestore()
      truncate.mockRestore()
      syncBuiltinESMExports()
    },
  }
}
