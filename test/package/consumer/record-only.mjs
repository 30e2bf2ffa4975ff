import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'

// Run where nothing but the package itself and @opentelemetry/api is installed.
assert.deepEqual(readdirSync('node_modules').sort(), ['@opentelemetry', 'spanledger'])
assert.deepEqual(readdirSync('node_modules/@opentelemetry'), ['api'])

const record = await import('spanledger/record')
assert.equal(await record.withRun({ agentName: 'Planner' }, async () => 42), 42)
record.recordMemoryRecall({ tier: 'long_term', hits: 0 })
await assert.rejects(import('spanledger'), { code: 'ERR_MODULE_NOT_FOUND' })
console.log('spanledger/record works without level, valibot and an SDK')
