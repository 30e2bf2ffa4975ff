import type { AuditLogWriter } from '../log/contract.js'

// Stand-in until the open log is here.
export interface AuditLog extends AuditLogWriter {
  close(): Promise<void>
}

export async function openAuditLog(_location: string): Promise<AuditLog> {
  throw new Error('not built yet')
}
