import type { TestProject } from 'vitest/node'
import { PostgresServer } from './server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port of the server that all tests share. */
    postgresPort: number
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await PostgresServer.start()
  project.provide('postgresPort', server.port)
  return () => server.remove()
}
