import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

// What the source files of each room (a folder of src) may import: rooms, packages and, as 'node:', Node's own modules.
// A room that is not listed may import nothing. Biome's noImportCycles looks for cycles.
/** @type {Record<string, string[]>} */
const allowed = {
  events: ['valibot', 'node:'],
  files: ['events', 'node:'],
  tree: ['events', 'node:'],
  checkpoint: ['events', 'node:'],
  store: ['events', 'files', 'tree', 'node:'],
  'store/leveldb': ['store', 'events', 'files', 'tree', 'level', 'node:'],
  'store/postgres': ['store', 'events', 'tree', 'pg', 'node:'],
  log: ['events', 'files', 'store', 'tree', 'checkpoint', 'node:'],
  reader: ['events', 'files', 'store', 'tree', 'checkpoint', 'verify', 'inspection', 'node:'],
  forward: ['events', 'store', 'tree', 'reader', 'node:'],
  export: ['events', 'reader', 'hyparquet-writer', 'node:'],
  record: ['events', '@opentelemetry/api', 'node:'],
  otel: ['events', 'record', 'log', 'audit-log', '@opentelemetry/api', 'node:'],
  'openai-agents': ['otel', 'record', '@opentelemetry/api', 'node:'],
  'audit-log': ['events', 'store', 'tree', 'log', 'reader', 'verify', 'node:'],
  testing: ['events', 'store', 'tree', 'node:'],
  verify: ['events', 'files', 'tree', 'checkpoint', 'node:'],
  witness: ['events', 'files', 'tree', 'checkpoint', 'node:'],
  inspection: ['events', 'files', 'store', 'tree', 'log', 'verify', 'level', 'node:'],
}
// These put the rooms together.
const unrestricted = ['.', 'cli']

const src = join(import.meta.dirname, '../src')
// The code is formatted by Biome, so a static import or re-export begins its line.
const imports = /^(?:import|export)\b[^'"]*?\bfrom ['"](.+?)['"]|^import ['"](.+?)['"]|\bimport\(\s*['"`](.+?)['"`]/gm

let violations = 0
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
for (const file of files) {
  const folder = dirname(file)
  const room = folder in allowed ? folder : (folder.split('/')[0] ?? '')
  if (unrestricted.includes(room)) continue
  const text = readFileSync(join(src, file), 'utf8')
  for (const match of text.matchAll(imports)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    const target = importedFrom(specifier, join(src, folder))
    if (target === room || allowed[room]?.includes(target)) continue
    violations++
    const line = text.slice(0, match.index).split('\n').length
    console.error(`src/${file}:${line}: '${room}' may not import '${specifier}'`)
  }
}
if (files.length === 0) throw new Error(`no source file found in ${src}`)
if (violations > 0) process.exit(1)
console.log(`${files.length} files keep to their layers`)

/**
 * The room, the package or 'node:' that an import leads to.
 *
 * @param {string} specifier
 * @param {string} folder
 */
function importedFrom(specifier, folder) {
  if (specifier.startsWith('node:')) return 'node:'
  if (!specifier.startsWith('.')) return specifier
  return relative(src, join(folder, specifier)).split(sep)[0] ?? ''
}
