import { openLog } from '../../src/audit-log/open-log.js'
import { type AuditLogOptions, resolveOptions } from '../../src/log/options.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { closeLater, directory } from './log-directory.js'

/** The error of a disk that is full. */
export const diskFull = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

/** Opens a log in the directory of the test whose commits fail while `control` has a failure. */
export async function openFailing(options: AuditLogOptions) {
  const store = levelStore(directory)
  const control = { failure: undefined as Error | undefined }
  const { commit } = store
  store.commit = async (group, marks) => {
    if (control.failure) throw control.failure
    return await commit.call(store, group, marks)
  }
  const { log } = await openLog(store, directory, resolveOptions({ signer: false, ...options }))
  closeLater(log)
  return { log, control }
}
