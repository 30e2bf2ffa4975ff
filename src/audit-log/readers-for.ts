import { GROUP, NOBODY, type Readers } from '../files/readers.js'
import type { AuditLogOptions } from '../log/options.js'

/** Returns who may read a log besides its owner. */
export function readersFor({
  readableBy,
}: {
  readonly readableBy?: AuditLogOptions['readableBy'] | undefined
}): Readers {
  return readableBy === 'group' ? GROUP : NOBODY
}
