export type { AuditLogRecovery } from '../log/contract.js'
export type { AuditLogOptions } from '../log/options.js'
export type { AuditLog, LedgerMembership } from './audit-log.js'
export { openAuditLog } from './open.js'
