import { registerOTel } from '@vercel/otel'
import { AuditSpanProcessor } from 'spanledger'

const audit = new AuditSpanProcessor({ location: process.env.AUDIT_LOG ?? './audit' })
registerOTel({ serviceName: 'shop', spanProcessors: ['auto', audit] })

// With NEXT_MANUAL_SIG_HANDLE Next.js leaves the signal to the application: without it the process ends before the log is closed.
process.once('SIGTERM', async () => {
  await audit.shutdown()
  process.exit(0)
})
