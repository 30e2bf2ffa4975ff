import { diag } from '@opentelemetry/api'
import { onTestFinished } from 'vitest'

/** What is warned of through OpenTelemetry's `diag` until the test has finished. */
export function heardWarnings(): string[] {
  const warnings: string[] = []
  const silent = () => {}
  const warn = (message: string) => void warnings.push(message)
  const logger = { info: silent, error: silent, warn, debug: silent, verbose: silent }
  diag.setLogger(logger, { suppressOverrideMessage: true })
  onTestFinished(() => diag.disable())
  return warnings
}
