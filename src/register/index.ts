/**
 * Audits an application without a change to its code, whatever tracer provider it registers, or none:
 *
 * ```sh
 * SPANLEDGER_LOG=/var/lib/my-app/audit node --import spanledger/register app.mjs
 * ```
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
import { diag } from '@opentelemetry/api'
import type { AuditSpanProcessorOptions } from '../otel/options.js'
import { AuditSpanProcessor } from '../otel/processor.js'
import { keepContext } from './context.js'
import { flushAtExit } from './exit.js'

/** The processor that feeds the log of `SPANLEDGER_LOG`; `undefined` without that variable. */
export const audit: AuditSpanProcessor | undefined = start(process.env.SPANLEDGER_LOG)

function start(location: string | undefined): AuditSpanProcessor | undefined {
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
    processor.ready.catch((problem) => diag.error('spanledger:', problem))
    keepContext()
    flushAtExit(processor)
    return processor
  } catch (problem) {
    process.emitWarning(`Nothing is audited: ${String(problem)}`, 'Spanledger')
    return undefined
  }
}
