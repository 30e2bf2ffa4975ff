import type { AuditLogEvents } from '../../src/log/audit-log-events.js'

/** Makes listeners that keep what they get. */
export function listening() {
  const emitted = {
    problem: [] as AuditLogEvents['problem'][],
    recovered: [] as AuditLogEvents['recovered'][],
    checkpoint: [] as AuditLogEvents['checkpoint'][],
    dropped: [] as AuditLogEvents['dropped'][],
    gap: [] as AuditLogEvents['gap'][],
  }
  const on = {
    problem: (value: AuditLogEvents['problem']) => emitted.problem.push(value),
    recovered: (value: AuditLogEvents['recovered']) => emitted.recovered.push(value),
    checkpoint: (value: AuditLogEvents['checkpoint']) => emitted.checkpoint.push(value),
    dropped: (value: AuditLogEvents['dropped']) => emitted.dropped.push(value),
    gap: (value: AuditLogEvents['gap']) => emitted.gap.push(value),
  }
  return { on, emitted }
}
