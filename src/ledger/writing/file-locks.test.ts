import { expect, it, test } from 'vitest'
import { lacksLocks, requireFileLocks } from './file-locks.js'

const mounts = (kind: string, options: string, point = '/mnt/share') =>
  [
    '21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
    `36 21 0:40 / ${point} rw,relatime shared:1 - ${kind} host:/export ${options}`,
    '37 21 0:41 / /mnt/share/local rw - tmpfs tmpfs rw',
    '',
  ].join('\n')

it.each([
  ['nfs', 'rw,vers=3,nolock,proto=tcp', '/mnt/share, mounted as nfs with nolock'],
  ['nfs4', 'rw,local_lock=all', '/mnt/share, mounted as nfs4 with local_lock=all'],
  ['cifs', 'rw,nobrl', '/mnt/share, mounted as cifs with nobrl'],
  ['fuse.sshfs', 'rw,user_id=0', '/mnt/share, mounted as fuse.sshfs'],
])('refuses %s with %s, whose locks are those of one host', (kind, options, what) => {
  expect(lacksLocks(mounts(kind, options), '/mnt/share/audit')).toBe(what)
  expect(lacksLocks(mounts(kind, options), '/mnt/share')).toBe(what)
})

it.each([
  ['nfs', 'rw,vers=3,local_lock=none'],
  ['nfs4', 'rw,vers=4.2,local_lock=none'],
  ['cifs', 'rw'],
  ['ext4', 'rw'],
  ['fuse.grpcfuse', 'rw'],
])('takes %s with %s', (kind, options) => {
  expect(lacksLocks(mounts(kind, options), '/mnt/share/audit')).toBeUndefined()
})

test('goes by the file system that the directory lies on', () => {
  const text = mounts('nfs', 'rw,nolock')
  expect(lacksLocks(text, '/mnt/share/local/audit')).toBeUndefined()
  expect(lacksLocks(text, '/mnt/shared')).toBeUndefined()
  expect(lacksLocks(mounts('nfs', 'rw,nolock', '/mnt/my\\040share'), '/mnt/my share/audit')).toContain('/mnt/my share')
  expect(lacksLocks('', '/mnt/share')).toBeUndefined()
})

test('takes the directory of this test, also where it is not made yet', async () => {
  await requireFileLocks(`${import.meta.dirname}/not/there`)
})
