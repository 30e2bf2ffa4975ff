import { type AuditEventInput, type AuditLog, AuditSpanProcessor, openAuditLog } from 'spanledger'
import { exportLog } from 'spanledger/export'
import { withRun } from 'spanledger/record'

// Compiled to CommonJS: the declarations and the code that `require` leads to.
declare module 'spanledger' {
  interface AuditEventTypes {
    invoice_sent: { invoiceId: string; amountUsd: number }
  }
}

export const own: AuditEventInput<'invoice_sent'> = {
  type: 'invoice_sent',
  data: { invoiceId: 'i-1', amountUsd: 12.5 },
}

export async function records(): Promise<AuditLog> {
  const log = await openAuditLog('./audit')
  new AuditSpanProcessor().attach(log)
  await log.append(own)
  await withRun({ agentName: 'planner' }, async () => exportLog(log, { format: 'csv' }))
  return log
}
