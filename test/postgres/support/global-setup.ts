import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { buildBeside } from '../../support/build.js'
import { PostgresServer } from './server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port of the server that all tests share. */
    postgresPort: number
    /** The compiled sources, for child processes. */
    dist: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const built = buildBeside(join(import.meta.dirname, '..'))
  const server = await PostgresServer.start().catch((problem: unknown) => {
    built.remove()
    throw problem
  })
  project.provide('postgresPort', server.port)
  project.provide('dist', built.dist)
  return async () => {
    built.remove()
    await server.remove()
  }
}
