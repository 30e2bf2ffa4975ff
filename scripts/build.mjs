import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildCommonJs, buildForBrowsers, stripComments } from './build-copies.mjs'
import { eventJsonSchema, policyJsonSchema } from './event-schema.mjs'

process.chdir(join(import.meta.dirname, '..'))
rmSync('dist', { recursive: true, force: true })
try {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
} catch {
  process.exit(1)
}
await stripComments()
await Promise.all([buildCommonJs(), buildForBrowsers()])

const { storedEventSchemas } = await import(join(process.cwd(), 'dist/events/validate.js'))
const { policySchema } = await import(join(process.cwd(), 'dist/governance/policy/parse.js'))
mkdirSync('schema', { recursive: true })
for (const [name, schema] of Object.entries({
  'audit-event': eventJsonSchema(storedEventSchemas),
  policy: policyJsonSchema(policySchema),
})) {
  writeFileSync(`schema/${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`)
}
