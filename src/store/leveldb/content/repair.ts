import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isThere } from '../../../files/is-there.js'
import { readersOfLog } from '../../../files/readers.js'
import { createDirectory, syncDirectory } from '../../directory.js'
import { codeOf } from '../errors.js'
import { linkOrCopy } from '../link-or-copy.js'
import { repairDatabase } from '../load-level.js'

/*
 * The content of a log that is damaged:
 *
 *   content             → content.damaged-1, and so on: whatever stood there stays, as evidence
 *   content.repairing   what LevelDB can read of its files, while it is put together
 *   content.repaired    the same, whole: the next opening goes on from there where the process dies
 */

/** Files that hold items. */
const DATA = /^\d+\.(?:ldb|sst|log)$/

/**
 * Puts in place of a log's content what can be read of it. A link is renamed itself, and not followed.
 *
 * @param path - of the content
 * @returns the name by which the damaged content is kept
 * @throws what the file system throws
 */
export async function repairContent(path: string): Promise<string> {
  await createRepaired(path)
  let number = 1
  while (await isThere(`${path}.damaged-${number}`)) number++
  const aside = `${path}.damaged-${number}`
  await rename(path, aside)
  await finishRepair(path)
  return aside
}

/** Finishes a repair whose process died, if there was one. @throws what the file system throws */
export async function finishRepair(path: string): Promise<void> {
  const repaired = `${path}.repaired`
  if (!(await isThere(repaired))) return
  if (await isThere(path)) await rm(repaired, { recursive: true })
  else await rename(repaired, path)
  await syncDirectory(dirname(path))
}

async function createRepaired(path: string): Promise<void> {
  const repairing = `${path}.repairing`
  await rm(repairing, { recursive: true, force: true })
  await createDirectory(repairing, readersOfLog(dirname(path)))
  try {
    const files = await dataIn(path)
    for (const name of files) await linkOrCopy(join(path, name), join(repairing, name))
    if (files.length > 0) await repairDatabase(repairing)
    // LevelDB puts there what it could not read: the damaged content has all of it.
    await rm(join(repairing, 'lost'), { recursive: true, force: true })
  } catch (problem) {
    if (codeOf(problem) === 'ENOSPC') throw problem
    // Nothing of it can be read.
    for (const name of await readdir(repairing)) await rm(join(repairing, name), { recursive: true, force: true })
  }
  await syncDirectory(repairing)
  await rename(repairing, `${path}.repaired`)
}

/** Returns the names of regular files that hold items; none where nothing can be listed. */
async function dataIn(path: string): Promise<readonly string[]> {
  try {
    if (!(await lstat(path)).isDirectory()) return []
    const found = await readdir(path, { withFileTypes: true })
    return found.filter((entry) => entry.isFile() && DATA.test(entry.name)).map(({ name }) => name)
  } catch {
    return []
  }
}
