import { startTelemetry } from './telemetry.js'

const stopTelemetry = startTelemetry(process.env.AUDIT_LOG ?? './audit')

async function main(): Promise<void> {
  const { NestFactory } = await import('@nestjs/core')
  const { AppModule } = await import('./app.js')
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
  await app.listen(Number(process.env.PORT ?? 3000))
  console.log(`listening on ${await app.getUrl()}`)
  // Not by Nest's shutdown hooks: they end the process as soon as the application is closed.
  process.once('SIGTERM', async () => {
    await app.close()
    await stopTelemetry()
    process.exit(0)
  })
}

void main()
