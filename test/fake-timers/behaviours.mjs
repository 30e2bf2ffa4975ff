import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Everything that somebody awaits of a log, each part with a name. Whoever imports this decides which timers stand still
 * meanwhile. Nothing here starts a timer.
 *
 * @typedef {typeof import('../../src/index.js')} Spanledger
 * @typedef {typeof import('@opentelemetry/sdk-trace')} Sdk
 */

const note = (/** @type {string} */ name) =>
  /** @type {const} */ ({ type: 'custom', data: { name, attributes: {} }, runId: 'run-1' })

/**
 * @param {Spanledger} spanledger
 * @param {typeof import('../../src/reader/index.js')} readers
 * @param {Sdk} sdk
 * @returns {Readonly<Record<string, (directory: string) => Promise<unknown>>>} each resolves to what it found
 */
export function behaviours({ openAuditLog, AuditSpanProcessor }, { openAuditLogReader }, { TracerProvider }) {
  const withLog =
    (/** @type {(log: import('../../src/index.js').AuditLog, directory: string) => Promise<unknown>} */ use) =>
    async (/** @type {string} */ directory) => {
      const log = await openAuditLog(directory)
      try {
        return await use(log, directory)
      } finally {
        await log.close()
      }
    }
  return {
    append: withLog(async (log) => (await log.append(note('a'))).seq),
    flush: withLog(async (log) => {
      log.record(note('a'))
      await log.flush()
      return log.counters().committed
    }),
    events: withLog(async (log) => {
      log.record(note('a'))
      return (await log.events({ type: 'custom' }).toArray()).length
    }),
    follow: withLog(async (log) => {
      await log.append(note('a'))
      for await (const event of log.follow({ type: 'custom' })) {
        if (event.data.name === 'followed') return event.data.name
        log.record(note('followed'))
      }
      return undefined
    }),
    checkpoint: withLog(async (log) => {
      await log.append(note('a'))
      return (await log.checkpoint())?.split('\n')[1]
    }),
    verify: withLog(async (log) => {
      await log.append(note('a'))
      return (await log.verify()).status
    }),
    'another reader, which sees what is new': withLog(async (log, directory) => {
      const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
      try {
        await log.append(note('a'))
        return await reader.events({ type: 'custom' }).count()
      } finally {
        await reader.close()
      }
    }),
    'another reader, which follows': withLog(async (log, directory) => {
      await log.append(note('a'))
      const reader = await openAuditLogReader(directory)
      try {
        const names = []
        for await (const event of reader.follow({ type: 'custom' }, { pollMillis: 1 })) {
          names.push(event.type)
          if (names.length === 2) return names.length
          log.record(note('b'))
        }
        return undefined
      } finally {
        await reader.close()
      }
    }),
    'a processor, which is flushed and shut down': async (directory) => {
      const audit = new AuditSpanProcessor({ location: directory })
      const provider = new TracerProvider({ spanProcessors: [audit] })
      const span = provider.getTracer('app').startSpan('agent', {
        attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' },
      })
      span.end()
      await provider.forceFlush()
      await provider.shutdown()
      const reader = await openAuditLogReader(directory)
      try {
        return await reader.events({ type: ['run_started', 'run_completed'] }).count()
      } finally {
        await reader.close()
      }
    },
  }
}

/** The result of each behaviour. */
export const EXPECTED = {
  append: 0,
  flush: 1,
  events: 1,
  follow: 'followed',
  checkpoint: '1',
  verify: 'verified',
  'another reader, which sees what is new': 1,
  'another reader, which follows': 2,
  'a processor, which is flushed and shut down': 2,
}

/** @template T @param {(directory: string) => Promise<T>} use */
export async function inNewDirectory(use) {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-timers-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
