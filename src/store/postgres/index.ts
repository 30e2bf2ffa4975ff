export { grantLog, type PostgresLogGrant, type PostgresLogRevocation, revokeLog } from './grant.js'
export { migrate, type PostgresMigration } from './migrate.js'
export type { PostgresConnection, PostgresPoolOptions, PostgresStoreOptions } from './options.js'
export { type PostgresStore, postgresStore } from './store.js'
