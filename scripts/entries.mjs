import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The entries of the package: what a program imports, and the module of `src` that it is. The build, the `exports` of
 * package.json and the checks of the package follow from this list: `node scripts/entries.mjs` writes package.json anew,
 * and test/package/entries.test.ts compares.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const ENTRIES = {
  '.': 'index',
  './export': 'export/index',
  './governance': 'governance/index',
  './record': 'record/index',
  './reader': 'reader/index',
  './openai-agents': 'openai-agents/index',
  './register': 'register/index',
  './verify': 'verify/index',
  './witness': 'witness/index',
  './testing': 'testing/index',
  './stores/memory': 'store/memory/index',
  './stores/postgres': 'store/postgres/index',
}

/** Modules that run in threads of their own, in a file that nothing imports. */
export const THREADS = ['inspection/inspection-thread', 'export/export-thread', 'write-behind/writing-thread']

/** Entries that do something when they are imported: bundlers must not leave them out. */
const WITH_SIDE_EFFECTS = /** @type {readonly string[]} */ (['./register'])

/** Entries that also run in browsers and on edge runtimes, which have a copy of their own without Node's modules. */
export const ANYWHERE = ['./record']

/** Directory of the CommonJS copy. */
export const CJS = 'dist/cjs'
/** Directory of the copy for browsers and edge runtimes. */
export const BROWSER = 'dist/browser'

/** Fields of package.json that follow from the entries. */
export function entryFields() {
  const entries = Object.entries(ENTRIES)
  const files = (/** @type {string} */ directory, /** @type {string} */ module) => ({
    types: `./${directory}/${module}.d.ts`,
    default: `./${directory}/${module}.js`,
  })
  const elsewhere = (/** @type {string} */ module) => {
    const file = { types: `./dist/${module}.d.ts`, default: `./${BROWSER}/${module}.js` }
    return { browser: file, 'edge-light': file, workerd: file }
  }
  const conditions = entries.map(([entry, module]) => [
    entry,
    { require: files(CJS, module), ...(ANYWHERE.includes(entry) && elsewhere(module)), ...files('dist', module) },
  ])
  const { types, default: main } = files(CJS, ENTRIES['.'] ?? '')
  const below = entries.filter(([entry]) => entry !== '.')
  return {
    main,
    types,
    // For TypeScript's `moduleResolution: node10`, which knows no exports.
    typesVersions: {
      '*': Object.fromEntries(below.map(([entry, module]) => [entry.slice(2), [files(CJS, module).types]])),
    },
    exports: {
      ...Object.fromEntries(conditions),
      './schema/audit-event.schema.json': './schema/audit-event.schema.json',
      './schema/policy.schema.json': './schema/policy.schema.json',
      './package.json': './package.json',
    },
    sideEffects: sideEffectsIn('./dist/', `./${CJS}/`),
  }
}

/**
 * The field `sideEffects` for these directories.
 *
 * @param {string[]} directories
 */
export function sideEffectsIn(...directories) {
  if (WITH_SIDE_EFFECTS.length === 0) return false
  return directories.flatMap((directory) => WITH_SIDE_EFFECTS.map((entry) => `${directory}${ENTRIES[entry]}.js`))
}

if (process.argv[1] === import.meta.filename) {
  const path = join(import.meta.dirname, '../package.json')
  const manifest = Object.entries({ ...JSON.parse(readFileSync(path, 'utf8')), ...entryFields() })
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(manifest), null, 2)}\n`)
}
