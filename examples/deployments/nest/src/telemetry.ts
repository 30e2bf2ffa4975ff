import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor } from 'spanledger'

/** Starts telemetry before the application. @returns what ends it, when everything is durable */
export function startTelemetry(location: string): () => Promise<void> {
  const audit = new AuditSpanProcessor({ location })
  const sdk = new NodeSDK({ spanProcessors: [audit], instrumentations: [] })
  sdk.start()
  return () => sdk.shutdown()
}
