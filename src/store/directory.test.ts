import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDirectory } from './directory.js'
import { levelStore } from './leveldb/index.js'

let base: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
})
afterEach(() => rm(base, { recursive: true }))

it('makes all that is missing, for its owner alone, and is content with what is there', async () => {
  const path = join(base, 'a', 'b', 'c')
  await createDirectory(path)
  for (const made of [path, join(base, 'a', 'b'), join(base, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700)
  await createDirectory(path)
  await symlink(path, join(base, 'link'))
  await createDirectory(join(base, 'link', 'd'))
  expect((await stat(join(path, 'd'))).isDirectory()).toBe(true)
})

it('lets several make the same directory at once', async () => {
  await Promise.all(Array.from({ length: 8 }, () => createDirectory(join(base, 'a', 'b', 'c', 'd'))))
  expect((await stat(join(base, 'a', 'b', 'c', 'd'))).isDirectory()).toBe(true)
})

it('fails where something else is, or leads nowhere', async () => {
  await writeFile(join(base, 'file'), '')
  await symlink(join(base, 'nowhere'), join(base, 'dangling'))
  await expect(createDirectory(join(base, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(createDirectory(join(base, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  await expect(createDirectory(join(base, 'dangling'))).rejects.toMatchObject({ code: 'EEXIST' })
})

it('says so where a file system takes no directories, instead of trying for ever', async () => {
  for (const path of ['/proc/audit', '/proc/audit/below']) {
    await expect(levelStore(path).open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  }
})
