import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventJsonSchema } from './event-schema.mjs'

process.chdir(join(import.meta.dirname, '..'))
rmSync('dist', { recursive: true, force: true })
const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})
if (compiled.status !== 0) process.exit(1)

const { storedEventSchemas } = await import(join(process.cwd(), 'dist/events/validate.js'))
mkdirSync('schema', { recursive: true })
writeFileSync('schema/audit-event.schema.json', `${JSON.stringify(eventJsonSchema(storedEventSchemas), null, 2)}\n`)
