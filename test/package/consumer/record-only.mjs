import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import './only-from-here.mjs'

// Run where nothing but the package itself and @opentelemetry/api is installed.
assert.deepEqual(readdirSync('node_modules').sort(), ['@opentelemetry', 'spanledger'])
assert.deepEqual(readdirSync('node_modules/@opentelemetry'), ['api'])

const record = await import('spanledger/record')
assert.equal(await record.withRun({ agentName: 'Planner' }, async () => 42), 42)
record.recordMemoryRecall({ tier: 'long_term', hits: 0 })
await assert.rejects(import('spanledger'), /level|valibot/)
console.log('spanledger/record works without level, valibot and an SDK')
