import { GROUP, NOBODY, type Readers } from '../files/readers.js'
import type { AuditLogOptions } from '../log/options.js'

/** Returns who may read a log besides its owner. */
export function readersFor({ mode }: { readonly mode?: AuditLogOptions['mode'] | undefined }): Readers {
  return mode === 'group' ? GROUP : NOBODY
}
