import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

// The layers, each with what its source files may import: layers, packages and, as 'node:', Node's own modules.
// A layer is a folder of src without the folders in it that are layers themselves, or one file, which the folders beside it
// may import although they may not import the rest of its folder. A folder that is in no layer may import nothing.
// No layer leads back to itself. Biome's noImportCycles looks for cycles of files.
/** @type {Record<string, string[]>} */
const allowed = {
  events: ['valibot', 'node:'],
  timers: ['node:'],
  files: ['events', 'node:'],
  'ledger/log-directories': ['files', 'node:'],
  'ledger/writing': [
    'ledger/log-directories',
    'log/checkpoints',
    'log/own-source',
    'log/retry-delay',
    'events',
    'files',
    'timers',
    'store',
    'store/leveldb',
    'checkpoint',
    'node:',
  ],
  'ledger/process-status': ['store'],
  'ledger/processes': ['ledger/process-status', 'files', 'store', 'node:'],
  tree: ['events', 'node:'],
  checkpoint: ['events', 'node:'],
  threads: ['events', 'node:'],
  'write-behind': ['threads', 'timers', 'node:'],
  store: ['events', 'files', 'tree', 'node:'],
  'store/leveldb': ['store', 'events', 'timers', 'files', 'tree', 'level', 'node:'],
  'store/postgres': ['store', 'events', 'timers', 'tree', 'pg', 'node:'],

  content: ['events', 'files', 'timers', 'store', 'tree', 'node:'],
  'governance/contract': ['log/contract', 'events', 'store'],
  governance: [
    'governance/contract',
    'content',
    'log/contract',
    'log/own-source',
    'events',
    'files',
    'timers',
    'store',
    'valibot',
    'node:',
  ],

  'log/contract': ['events', 'write-behind'],
  'log/abandoned': ['events', 'store'],
  'log/statements': ['log/contract', 'events'],
  'log/audit-log-events': ['log/contract', 'events'],
  'log/log-emitter': ['log/audit-log-events', 'events'],
  'log/own-source': [],
  'log/retry-delay': [],
  'log/sealing': ['governance/contract', 'log/contract', 'log/own-source', 'events', 'store', 'tree', 'node:'],
  'log/journal': ['log/sealing', 'log/own-source', 'events', 'files', 'store', 'tree', 'write-behind', 'node:'],
  'log/staging': [
    'governance/contract',
    'log/journal',
    'log/sealing',
    'log/contract',
    'log/own-source',
    'events',
    'files',
    'store',
    'store/leveldb',
    'tree',
    'node:',
  ],
  'ledger/staged-events': ['ledger/log-directories', 'log/journal', 'log/staging', 'events'],
  'log/checkpoints': [
    'log/journal',
    'log/own-source',
    'log/retry-delay',
    'events',
    'timers',
    'files',
    'store',
    'tree',
    'checkpoint',
    'node:',
  ],
  'log/committing': [
    'governance/contract',
    'log/abandoned',
    'log/sealing',
    'log/journal',
    'log/staging',
    'log/checkpoints',
    'log/contract',
    'log/log-emitter',
    'log/statements',
    'log/own-source',
    'log/retry-delay',
    'events',
    'timers',
    'store',
    'tree',
    'node:',
  ],
  'log/recovery': [
    'governance/contract',
    'log/contract',
    'log/statements',
    'log/sealing',
    'log/journal',
    'log/staging',
    'log/checkpoints',
    'log/committing',
    'log/own-source',
    'events',
    'files',
    'timers',
    'store',
    'tree',
    'checkpoint',
    'node:',
  ],
  log: [
    'governance',
    'content',
    'log/audit-log-events',
    'log/log-emitter',
    'log/sealing',
    'log/journal',
    'log/checkpoints',
    'log/committing',
    'events',
    'store',
  ],

  'reader/page': [],
  'reader/content/choice': ['events'],
  'reader/content/field-path': [],
  'reader/content/put-back': ['reader/content/choice', 'reader/content/field-path', 'content', 'events'],
  'reader/content/restorers': ['reader/content/choice', 'content', 'events', 'store'],
  'reader/content/restored-events': ['reader/content/restorers', 'reader/content/choice', 'content', 'events', 'store'],
  'reader/content': [
    'reader/content/choice',
    'reader/content/put-back',
    'reader/content/restorers',
    'reader/content/restored-events',
    'reader/query',
    'content',
    'events',
    'store',
    'tree',
  ],
  'reader/query': ['reader/page', 'reader/content/choice', 'reader/content/restorers', 'events', 'store', 'node:'],
  'reader/summaries': ['reader/query', 'reader/content/restorers', 'events', 'store'],
  'reader/steps': ['reader/page', 'reader/query', 'reader/summaries', 'events', 'store'],
  'reader/ledger': [
    'reader/content/restorers',
    'reader/content/restored-events',
    'reader/page',
    'reader/query',
    'reader/summaries',
    'reader/steps',
    'events',
    'timers',
    'store',
    'tree',
    'node:',
  ],
  'reader/follow': ['events', 'timers', 'store', 'node:'],
  reader: [
    'content',
    'reader/content',
    'reader/content/choice',
    'reader/content/restorers',
    'reader/content/restored-events',
    'reader/ledger',
    'ledger/log-directories',
    'reader/query',
    'reader/summaries',
    'reader/steps',
    'reader/follow',
    'reader/page',
    'events',
    'timers',
    'files',
    'store',
    'store/leveldb',
    'tree',
    'checkpoint',
    'verify',
    'inspection',
    'ledger/log-directories',
    'node:',
  ],
  forward: ['content', 'events', 'timers', 'store', 'tree', 'reader', 'reader/content/choice', 'node:'],
  export: [
    'content',
    'events',
    'reader',
    'reader/content/choice',
    'reader/content/put-back',
    'reader/query',
    'threads',
    'tree',
    'hyparquet-writer',
    'node:',
  ],

  record: ['events', '@opentelemetry/api', 'node:'],
  'otel/span': ['@opentelemetry/api'],
  'otel/hr-time': ['@opentelemetry/api'],
  'otel/transport': ['@opentelemetry/api'],
  'otel/mirrored': ['@opentelemetry/api'],
  'otel/read-only-span': ['@opentelemetry/api'],
  'otel/recent-map': [],
  'otel/recent-lists': [],
  'otel/conventions/contract': ['otel/span', 'events', '@opentelemetry/api'],
  'otel/conventions/shared': ['otel/conventions/contract', 'otel/span', 'events', 'record', '@opentelemetry/api'],
  'otel/conventions': [
    'otel/conventions/contract',
    'otel/conventions/shared',
    'otel/span',
    'otel/transport',
    'events',
    'record',
    '@opentelemetry/api',
  ],
  'otel/scope-names': ['otel/conventions/contract', 'otel/conventions/shared', 'events', '@opentelemetry/api'],
  'otel/caller-claims': ['otel/conventions/contract', 'otel/scope-names', 'events', 'record', '@opentelemetry/api'],
  'otel/health/contract': [],
  'otel/health/reasons': ['otel/health/contract'],
  'otel/health': [
    'timers',
    'otel/health/contract',
    'otel/health/reasons',
    'events',
    'ledger/process-status',
    'ledger/processes',
    'store',
    '@opentelemetry/api',
    'node:',
  ],
  'otel/tracking': [
    'otel/health/reasons',
    'otel/conventions/contract',
    'otel/conventions/shared',
    'otel/span',
    'otel/hr-time',
    'otel/transport',
    'otel/mirrored',
    'otel/recent-map',
    'otel/recent-lists',
    'otel/caller-claims',
    'otel/scope-names',
    'events',
    'timers',
    'record',
    'log/contract',
    '@opentelemetry/api',
    'node:',
  ],
  'otel/log-record': ['otel/span', '@opentelemetry/api'],
  'otel/delivery': [
    'otel/tracking',
    'otel/span',
    'otel/read-only-span',
    'otel/log-record',
    'otel/hr-time',
    'otel/recent-map',
    'events',
    'timers',
    'record',
    'node:',
    '@opentelemetry/api',
  ],
  'otel/watch': [
    'otel/span',
    'otel/hr-time',
    'otel/transport',
    'otel/mirrored',
    'record',
    '@opentelemetry/api',
    'node:',
  ],
  otel: [
    'content',
    'governance',
    'governance/contract',
    'files',
    'log/abandoned',
    'store',
    'otel/watch',
    'otel/mirrored',
    'otel/health',
    'otel/health/contract',
    'otel/health/reasons',
    'otel/delivery',
    'otel/log-record',
    'otel/recent-map',
    'otel/tracking',
    'otel/scope-names',
    'otel/conventions',
    'otel/conventions/contract',
    'otel/span',
    'otel/hr-time',
    'otel/transport',
    'events',
    'timers',
    'record',
    'log/contract',
    'log/statements',
    'log/staging',
    'log/journal',
    'log/retry-delay',
    'ledger/log-directories',
    'audit-log',
    '@opentelemetry/api',
    'node:',
  ],
  register: ['otel', 'otel/watch', 'record', '@opentelemetry/api', 'node:'],
  'openai-agents': [
    'otel',
    'otel/conventions',
    'otel/conventions/shared',
    'otel/span',
    'otel/read-only-span',
    'otel/hr-time',
    'otel/recent-map',
    'record',
    '@opentelemetry/api',
    'node:',
  ],

  'audit-log': [
    'content',
    'governance',
    'governance/contract',
    'log/abandoned',
    'ledger/log-directories',
    'ledger/writing',
    'log',
    'log/contract',
    'log/audit-log-events',
    'log/log-emitter',
    'log/statements',
    'log/retry-delay',
    'log/checkpoints',
    'log/committing',
    'log/recovery',
    'log/staging',
    'reader',
    'reader/page',
    'reader/query',
    'reader/summaries',
    'reader/steps',
    'reader/follow',
    'events',
    'files',
    'timers',
    'store',
    'store/leveldb',
    'tree',
    'verify',
    'node:',
  ],
  backup: [
    'events',
    'files',
    'checkpoint',
    'store',
    'store/leveldb',
    'ledger/log-directories',
    'log/journal',
    'inspection',
    'verify',
    'node:',
  ],
  testing: ['audit-log', 'events', 'store', 'timers', 'tree', 'node:'],
  verify: ['content', 'events', 'files', 'tree', 'checkpoint', 'node:'],
  witness: ['events', 'files', 'tree', 'checkpoint', 'node:'],
  inspection: [
    'content',
    'events',
    'files',
    'store',
    'store/leveldb',
    'tree',
    'log/journal',
    'verify',
    'threads',
    'level',
    'node:',
  ],
}
// These put the layers together.
const unrestricted = ['.', 'cli']

const src = join(import.meta.dirname, '../src')
// The code is formatted by Biome, so a static import or re-export begins its line.
const imports = /^(?:import|export)\b[^'"]*?\bfrom ['"](.+?)['"]|^import ['"](.+?)['"]|\bimport\(\s*['"`](.+?)['"`]/gm

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
if (files.length === 0) throw new Error(`no source file found in ${src}`)

let violations = 0
for (const layer of Object.keys(allowed)) {
  if (!files.some((file) => layerOf(file) === layer)) report(`layer '${layer}' has no file`)
  const way = wayBackTo(layer)
  if (way) report(`layer '${layer}' may import itself: ${way.join(' -> ')}`)
}
for (const file of files) {
  const layer = layerOf(file)
  if (unrestricted.includes(layer)) continue
  const text = readFileSync(join(src, file), 'utf8')
  for (const match of text.matchAll(imports)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    const target = importedFrom(specifier, file)
    if (target === layer || allowed[layer]?.includes(target)) continue
    const line = text.slice(0, match.index).split('\n').length
    report(`src/${file}:${line}: '${layer}' may not import '${specifier}' of '${target}'`)
  }
}
if (violations > 0) process.exit(1)
console.log(`${files.length} files keep to their layers`)

/** @param {string} violation */
function report(violation) {
  violations++
  console.error(violation)
}

/**
 * The layer, the package or 'node:' that an import leads to.
 *
 * @param {string} specifier
 * @param {string} file
 */
function importedFrom(specifier, file) {
  if (specifier.startsWith('node:')) return 'node:'
  if (!specifier.startsWith('.')) return specifier
  return layerOf(
    relative(src, join(src, dirname(file), specifier))
      .split(sep)
      .join('/'),
  )
}

/**
 * The innermost layer that a file is in.
 *
 * @param {string} file
 */
function layerOf(file) {
  let path = file.replace(/\.(ts|js)$/, '')
  while (!(path in allowed) && path.includes('/')) path = dirname(path)
  return path in allowed ? path : (dirname(file).split('/')[0] ?? '')
}

/**
 * The layers on the way from a layer to itself, if there is one.
 *
 * @param {string} layer
 * @param {readonly string[]} way
 * @returns {readonly string[] | undefined}
 */
function wayBackTo(layer, way = [layer]) {
  for (const next of allowed[way.at(-1) ?? ''] ?? []) {
    if (next === layer) return [...way, next]
    const found = next in allowed && !way.includes(next) ? wayBackTo(layer, [...way, next]) : undefined
    if (found) return found
  }
  return undefined
}
