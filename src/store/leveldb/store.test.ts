import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { storeConformance } from '../../testing/index.js'
import { levelStore } from './index.js'

describe('levelStore', () => {
  storeConformance({
    test: it,
    create: async () => levelStore(await mkdtemp(join(tmpdir(), 'spanledger-'))),
    reopen: (closed) => levelStore(closed.location),
    remove: (closed) => rm(closed.location, { recursive: true }),
  })
})
