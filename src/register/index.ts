/**
 * Audits an application without a change to its code, whatever tracer provider it registers, or none:
 *
 * ```sh
 * SPANLEDGER_LOG=/var/lib/my-app/audit node --import spanledger/register app.mjs
 * ```
 *
 * `--require spanledger/register` does the same for an application in CommonJS.
 *
 * | variable | meaning |
 * |---|---|
 * | `SPANLEDGER_LOG` | the directory of the audit log. Without it nothing is audited, and a warning says so |
 * | `SPANLEDGER_DURABILITY` | `journal-behind` for volumes whose writes are slow, see `AuditSpanProcessorOptions.durability` |
 * | `SPANLEDGER_ENABLED` | `false` switches recording off, see `AuditSpanProcessor.setEnabled` |
 * | `SPANLEDGER_EXPLAIN` | `true` explains every span through OpenTelemetry's `diag` |
 *
 * @packageDocumentation
 */
import { isMainThread, parentPort } from 'node:worker_threads'
import { diag } from '@opentelemetry/api'
import type { AuditSpanProcessorOptions } from '../otel/options.js'
import { AuditSpanProcessor } from '../otel/processor.js'
import { watchProvider } from '../otel/watch/watched-provider.js'
import { forEachApi } from './api-copies.js'
import { keepContext } from './context.js'
import { flushAtExit } from './exit.js'

/** The processor that records into the log of `SPANLEDGER_LOG`; `undefined` without that variable. */
export const audit: AuditSpanProcessor | undefined = start(process.env.SPANLEDGER_LOG)

function start(location: string | undefined): AuditSpanProcessor | undefined {
  // Node.js preloads what `--require` names in its own thread for module hooks as well, where no application runs.
  if (!isMainThread && parentPort === null) return undefined
  if (location === undefined || location.trim() === '') {
    process.emitWarning(
      'Nothing is audited: spanledger/register needs the directory of the audit log. Set SPANLEDGER_LOG to it',
      'Spanledger',
    )
    return undefined
  }
  try {
    const durability = process.env.SPANLEDGER_DURABILITY as AuditSpanProcessorOptions['durability']
    const processor = new AuditSpanProcessor({ location, ...(durability && { durability }) })
    const onProblem = (problem: unknown): void => diag.error('spanledger:', problem)
    processor.ready.catch(onProblem)
    forEachApi((api) => {
      watchProvider(api.trace.getTracerProvider())
      keepContext(api)
    }, onProblem)
    flushAtExit(processor)
    return processor
  } catch (problem) {
    process.emitWarning(`Nothing is audited: ${String(problem)}`, 'Spanledger')
    return undefined
  }
}
