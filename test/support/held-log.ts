import type { AuditEvent } from '../../src/events/types.js'
import { EventSchemas } from '../../src/events/validate.js'
import { LogWriter } from '../../src/log/committing/writer.js'
import type { LogWriterParts } from '../../src/log/committing/writer-parts.js'
import type { RecordInput } from '../../src/log/contract.js'
import { LogEmitter } from '../../src/log/log-emitter.js'
import { Sealer } from '../../src/log/sealing/seal.js'
import type { AuditStore } from '../../src/store/contract.js'
import { memoryStore } from '../../src/store/memory/index.js'

/** A log in memory whose store can be held up and made to fail, and whose timers go off by hand. */
export async function openHeldLog(parts: Partial<LogWriterParts> = {}) {
  const store = memoryStore()
  await store.open()
  const control = {
    /** Sizes of the groups that the store was asked to commit. */
    groups: [] as number[],
    failure: undefined as unknown,
    held: undefined as Promise<void> | undefined,
  }
  const { commit } = store
  store.commit = async (group) => {
    control.groups.push(group.length)
    await control.held
    if (control.failure !== undefined) throw control.failure
    return await commit.call(store, group)
  }
  const timers: { delayMillis: number; callback: () => void; cancelled: boolean }[] = []
  const problems: Error[] = []
  let milliseconds = 0
  const log = new LogWriter({
    store,
    sealer: new Sealer(
      () => {
        milliseconds = Math.min(milliseconds + 1, 900)
        return [1_795_300_506, milliseconds * 1e6]
      },
      'test.example/log',
      '',
      // However long a test takes, its clock was not set.
      () => 0,
    ),
    schemas: new EventSchemas(),
    maxQueueBytes: 1e6,
    emitter: new LogEmitter({ problem: (problem) => problems.push(problem) }),
    startTimer: (delayMillis, callback) => {
      const timer = { delayMillis, callback, cancelled: false }
      timers.push(timer)
      return () => {
        timer.cancelled = true
      }
    },
    ...parts,
  })
  return { log, store, control, timers, problems }
}

export function note(name: string, pad = 0): RecordInput {
  return { type: 'custom', data: { name, ...(pad > 0 ? { pad: 'x'.repeat(pad) } : {}) } }
}

export async function stored(store: AuditStore): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const chunk of store.entries({ from: 0, to: store.size, reverse: false })) {
    for (const { bytes } of chunk) events.push(JSON.parse(Buffer.from(bytes).toString()) as AuditEvent)
  }
  return events
}

export const namesIn = async (store: AuditStore) =>
  (await stored(store)).map(({ data }) => (data as { name?: string }).name)

/** A promise and what settles it. */
export function hold() {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  return { held, release }
}

/** Opens a log whose store is committing `in flight` until it is released, with `queued` behind that. */
export async function openCommittingLog() {
  const opened = await openHeldLog()
  const { held, release } = hold()
  opened.control.held = held
  opened.log.record(note('in flight'))
  await settle()
  opened.log.record(note('queued'))
  return { ...opened, release }
}

/** Lets what is due now happen: immediates, and the promises behind them. */
export const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export const diskFull = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
