import * as Sentry from '@sentry/node'
import { AuditSpanProcessor } from 'spanledger'

// The processor follows the global tracer provider, which is Sentry's. It needs no option of Sentry.
const audit = new AuditSpanProcessor({ location: process.env.AUDIT_LOG ?? './audit' })
Sentry.init({
  dsn: process.env.SENTRY_DSN,
  tracesSampleRate: 1,
  enableOpenTelemetrySetup: true, // Sentry gets the spans of OpenTelemetry
  integrations: (all) => all.filter(({ name }) => name !== 'VercelAI'), // this one switches the telemetry of the AI SDK off
})

/** Sends what Sentry has, and closes the log. */
export async function stopTelemetry() {
  await Promise.all([Sentry.close(5_000), audit.shutdown()])
}
