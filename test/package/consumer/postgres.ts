import { type PostgresPoolOptions, postgresStore } from 'spanledger/stores/postgres'

// Compiles where neither `pg` nor its types are installed.

export const pool: PostgresPoolOptions = { max: 4, ssl: { rejectUnauthorized: true }, password: async () => 'secret' }
export const store = () => postgresStore({ logId: 'orders', connectionString: 'postgres://localhost/audit', pool })
