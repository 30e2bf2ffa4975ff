import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// Run in a project that has installed the package: what is exported loads, and nothing else can be reached.
const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(require.resolve('spanledger/package.json'), 'utf8'))

const entries = Object.keys(manifest.exports).map((entry) => entry.replace(/^\./, 'spanledger'))
for (const entry of entries.filter((name) => !name.endsWith('.json'))) {
  assert.notEqual(Object.keys(await import(entry)).length, 0, `${entry} exports nothing`)
}
const schema = JSON.parse(readFileSync(require.resolve('spanledger/schema/audit-event.schema.json'), 'utf8'))
assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')

// Parquet is written by a package that is not installed here.
const { encodeEvents } = await import('spanledger/export')
const parquet = encodeEvents((async function* () {})(), { format: 'parquet' })[Symbol.asyncIterator]()
await assert.rejects(parquet.next(), { code: 'AUDIT_PACKAGE_MISSING', message: /npm install hyparquet-writer/ })

const internals = readdirSync('node_modules/spanledger/dist', { recursive: true, encoding: 'utf8' })
for (const file of internals.filter((name) => name.endsWith('.js'))) {
  await assert.rejects(import(`spanledger/dist/${file}`), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, file)
}
console.log(`${entries.length} entries load, ${internals.length} internal files are out of reach`)
