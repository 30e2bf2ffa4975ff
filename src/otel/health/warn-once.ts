import type { AuditHealth, AuditHealthCode, AuditHealthReason } from './contract.js'

// One for all copies of the package in a process, like the registry of listeners.
const WARNED = Symbol.for('spanledger.warned.v1')
const registry = globalThis as { [WARNED]?: Set<AuditHealthCode> }

/**
 * Warns of a reason, once in the life of the process: `(node:4711) [SPANLEDGER_NO_PROVIDER] Spanledger: …`. Node.js
 * prints it on stderr, unless it runs with `--no-warnings`; `process.on('warning')` hears it in any case.
 */
export function warnOnce({ code, message }: AuditHealthReason, status: AuditHealth['status']): void {
  registry[WARNED] ??= new Set()
  if (registry[WARNED].has(code)) return
  registry[WARNED].add(code)
  const extent = status === 'unaudited' ? 'Nothing is audited' : 'Not everything is audited'
  process.emitWarning(`${extent}: ${message}.`, { type: 'Spanledger', code: `SPANLEDGER_${code.toUpperCase()}` })
}
