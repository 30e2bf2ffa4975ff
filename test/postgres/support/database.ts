import { Client } from 'pg'
import { inject } from 'vitest'
import { migrate } from '../../../src/store/postgres/index.js'
import { PASSWORD } from './server.js'

let made = 0

/** The database that a test works in, on the server that all share. */
export interface TestDatabase {
  readonly name: string
  /** For the superuser, or a role. */
  url(role?: string, password?: string): string
  sql<R extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>
  /** Another database of the server. */
  named(name: string): TestDatabase
}

/** Takes version 4 of the tables back, and the content with it. */
export const WITHOUT_VERSION_4 = `drop table spanledger.content;
  drop function spanledger.append_with_content, spanledger.refuse_content_change;
  delete from spanledger.migration where version = 4;`

export async function emptyDatabase(): Promise<TestDatabase> {
  const name = `test_${process.pid}_${made++}`
  await query(urlOf('postgres'), `create database ${name}`)
  return databaseNamed(name)
}

function databaseNamed(name: string): TestDatabase {
  const url = (role = 'postgres', password = PASSWORD) => urlOf(name, role, password)
  return { name, url, sql: (text, values) => query(url(), text, values), named: databaseNamed }
}

/** A database with the tables of the newest version. */
export async function migratedDatabase(): Promise<TestDatabase> {
  const database = await emptyDatabase()
  await migrate({ connectionString: database.url() })
  return database
}

function urlOf(database: string, role = 'postgres', password = PASSWORD): string {
  return `postgres://${role}:${password}@127.0.0.1:${inject('postgresPort')}/${database}`
}

async function query<R extends Record<string, unknown>>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<R[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<R>(text, values)).rows
  } finally {
    await client.end()
  }
}
