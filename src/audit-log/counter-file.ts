import { relative } from 'node:path'
import type { ResolvedAuditLogOptions } from '../log/options.js'

/**
 * Requires the counter file to be outside the log's directory: an attacker who sets back the directory would set it
 * back too.
 */
export function checkCounterFile({ counterFile }: ResolvedAuditLogOptions, directory: string | undefined): void {
  if (counterFile === undefined || directory === undefined || relative(directory, counterFile).startsWith('..')) return
  throw new TypeError(`openAuditLog: counterFile must be outside of the log's directory ${directory}`)
}
