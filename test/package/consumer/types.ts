import { type AuditEventInput, type AuditEventType, type AuditLog, openAuditLog } from 'spanledger'

// Compiled against the published declarations, in a project without their dependencies' sources: an event type of the
// application's own joins the catalogue by declaration merging.

declare module 'spanledger' {
  interface AuditEventTypes {
    invoice_sent: { invoiceId: string; amountUsd: number }
  }
}

export const type: AuditEventType = 'invoice_sent'
export const own: AuditEventInput<'invoice_sent'> = {
  type: 'invoice_sent',
  data: { invoiceId: 'i-1', amountUsd: 12.5 },
}
// @ts-expect-error the data of an own type is checked like any other
export const wrong: AuditEventInput = { type: 'invoice_sent', data: { invoiceId: 1 } }
export const builtIn: AuditEventInput = { type: 'resumed', data: { fromCheckpoint: 'c-1' } }

export async function reads(log: AuditLog): Promise<number> {
  await log.append(own)
  let total = 0
  for await (const event of log.events({ type: 'invoice_sent' })) total += event.data.amountUsd
  return total
}

export const opens = async (): Promise<AuditLog> => await openAuditLog('./audit')
