import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { register } from 'node:module'

// Run where nothing but the package itself and @opentelemetry/api is installed; what lies outside counts as absent.
assert.deepEqual(readdirSync('node_modules').sort(), ['@opentelemetry', 'spanledger'])
assert.deepEqual(readdirSync('node_modules/@opentelemetry'), ['api'])

const here = new URL('.', import.meta.url).href
const onlyFromHere = `export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  if (['node:', '${here}'].some((known) => resolved.url.startsWith(known))) return resolved
  throw new Error(specifier + ' is not installed here')
}`
register(`data:text/javascript,${encodeURIComponent(onlyFromHere)}`)

const record = await import('spanledger/record')
assert.equal(await record.withRun({ agentName: 'Planner' }, async () => 42), 42)
record.recordMemoryRecall({ tier: 'long_term', hits: 0 })
await assert.rejects(import('spanledger'), /level|valibot/)
console.log('spanledger/record works without level, valibot and an SDK')
