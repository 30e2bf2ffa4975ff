import { type AuditLog, openAuditLog } from '../audit-log/index.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { StoredEvent } from '../events/types.js'
import type { DataSchema } from '../events/validate.js'
import { memoryStore } from '../store/memory/index.js'

/** Options of {@link openTestLog}. */
export interface TestLogOptions {
  /** Event types of your own, as for `openAuditLog`. */
  readonly eventTypes?: Readonly<Record<string, DataSchema>>
}

/** A log in memory, for tests of the events that an application records. */
export interface TestLog extends AuditLog {
  /**
   * Waits for everything that was recorded before the call.
   *
   * @returns all events, in the order of the log
   * @throws AuditLogError `AUDIT_LOG_CLOSED`
   */
  recorded(): Promise<readonly StoredEvent[]>
  /**
   * Waits for everything that was recorded before the call.
   *
   * @param run - its id, or anything that has it as `runId`: what `withRun` hands to its function, or an event
   * @returns the events of the run, in the order of the log; none for a run that is not known
   * @throws AuditLogError `AUDIT_LOG_CLOSED`
   */
  eventsOf(run: string | { readonly runId: string }): Promise<readonly StoredEvent[]>
  /**
   * Waits for everything that was recorded before the call.
   *
   * @returns the types of all events, in the order of the log
   * @throws AuditLogError `AUDIT_LOG_CLOSED`
   */
  types(): Promise<readonly string[]>
}

/**
 * Opens a log in memory: without file, key or checkpoint. Give it to an `AuditSpanProcessor` in place of a location.
 * It is a log like any other otherwise: it checks, bounds and orders events as one in a directory does, and answers
 * the same queries.
 *
 * It works while timers are replaced by fake ones, whether these come before or after this package. An event has the time
 * that the fake clock tells.
 *
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * const log = await openTestLog()
 * const sdk = new NodeSDK({ spanProcessors: [new AuditSpanProcessor({ log })] })
 * sdk.start()
 * trace.getTracer('app').startSpan('agent', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }).end()
 * console.log(await log.types()) // [ 'audit_attached', 'run_started', 'run_completed' ]
 * await sdk.shutdown()
 * await log.close()
 * ```
 */
export async function openTestLog(options: TestLogOptions = {}): Promise<TestLog> {
  rejectUnknownOptions('openTestLog', options, ['eventTypes'])
  const log = await openAuditLog({ ...options, store: memoryStore() })
  const found = (query: Parameters<AuditLog['events']>[0]) => log.events(query).toArray()
  return Object.assign(log, {
    recorded: () => found({}),
    eventsOf: (run: string | { readonly runId: string }) => found({ runId: typeof run === 'string' ? run : run.runId }),
    types: async () => (await found({})).map(({ type }) => type as string),
  })
}
