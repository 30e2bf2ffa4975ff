export type { AuditLogOptions } from '../log/options.js'
export type { AuditLogRecovery } from '../log/recovery/recovery.js'
export type { AuditLog, LedgerPlace } from './audit-log.js'
export { openAuditLog } from './open.js'
