import { relative } from 'node:path'
import type { ResolvedAuditLogOptions } from '../log/options.js'

/**
 * Requires the external checkpoint file to be outside the log's directory: an attacker who sets back the directory would set it
 * back too.
 */
export function requireExternalCheckpointFile(
  { externalCheckpointFile }: ResolvedAuditLogOptions,
  directory: string | undefined,
): void {
  if (
    externalCheckpointFile === undefined ||
    directory === undefined ||
    relative(directory, externalCheckpointFile).startsWith('..')
  )
    return
  throw new TypeError(`openAuditLog: externalCheckpointFile must be outside of the log's directory ${directory}`)
}
