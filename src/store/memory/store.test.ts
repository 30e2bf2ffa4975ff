import { describe, it } from 'vitest'
import { storeConformance } from '../../testing/index.js'
import { memoryStore } from './index.js'

describe('memoryStore', () => {
  storeConformance({ test: it, create: memoryStore, reopen: (closed) => closed })
})
