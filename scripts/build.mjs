import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildCommonJs, buildForBrowsers } from './build-copies.mjs'
import { eventJsonSchema } from './event-schema.mjs'

process.chdir(join(import.meta.dirname, '..'))
rmSync('dist', { recursive: true, force: true })
try {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
} catch {
  process.exit(1)
}
await Promise.all([buildCommonJs(), buildForBrowsers()])

const { storedEventSchemas } = await import(join(process.cwd(), 'dist/events/validate.js'))
mkdirSync('schema', { recursive: true })
writeFileSync('schema/audit-event.schema.json', `${JSON.stringify(eventJsonSchema(storedEventSchemas), null, 2)}\n`)
