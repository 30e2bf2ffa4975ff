import { test } from 'vitest'
import { type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { storeConformance } from '../../src/testing/index.js'
import { migratedDatabase } from './support/database.js'

const { url } = await migratedDatabase()
let logs = 0

const storeOf = (logId: string): PostgresStore =>
  postgresStore({ connectionString: url(), logId, writer: 'the only one' })

storeConformance({
  test,
  create: () => storeOf(`log ${logs++}`),
  reopen: (closed) => storeOf((closed as PostgresStore).logId),
})
