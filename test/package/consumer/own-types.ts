import { type AuditEventData, recordEvent } from 'spanledger/record'

// A library that records by hand has event types of its own, and needs neither `spanledger` itself nor types of Node.js.

declare module 'spanledger/record' {
  interface AuditEventTypes {
    parcel_sent: { parcelId: string }
  }
}

export const sent: AuditEventData<'parcel_sent'> = { parcelId: 'p-1' }
recordEvent('parcel_sent', sent)
// @ts-expect-error the data of an own type is checked like any other
recordEvent('parcel_sent', { parcelId: 1 })
