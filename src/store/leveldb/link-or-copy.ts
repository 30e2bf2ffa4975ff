import { constants } from 'node:fs'
import { copyFile, link, open } from 'node:fs/promises'
import { syncFile } from '../../files/sync-file.js'
import { codeOf } from './errors.js'

/** Error codes when there are no hard links, or not for this user. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']

/** Gives a file a second name, durably copied where there are no hard links. @throws what the file system throws */
export async function linkOrCopy(path: string, target: string): Promise<void> {
  try {
    await link(path, target)
  } catch (problem) {
    if (!NO_LINKS.includes(codeOf(problem) ?? '')) throw problem
    await copyDurably(path, target)
  }
}

/** Copies a file to one that is new, and fsyncs it. @throws what the file system throws */
export async function copyDurably(path: string, target: string): Promise<void> {
  await copyFile(path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(target, 'r+')
  try {
    await syncFile(file)
  } finally {
    await file.close()
  }
}
