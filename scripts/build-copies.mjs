import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { rolldown } from 'rolldown'
import { ANYWHERE, BROWSER, CJS, ENTRIES, sideEffectsIn, THREADS } from './entries.mjs'

/** Leads tracers of files to the package that is loaded by name, see src/store/leveldb/load-level.ts. */
const TRACED = "exports.tracedLevel = () => import(/* webpackIgnore: true */ /* turbopackIgnore: true */ 'level')"

/** Stands in for Node's modules where there are none: without AsyncLocalStorage, nothing is known behind an await. */
/** @type {Readonly<Record<string, string>>} */
const STAND_INS = {
  'node:async_hooks': `
    const found = globalThis.AsyncLocalStorage ?? globalThis.process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
    export const AsyncLocalStorage = found ?? class {
      #store
      getStore() { return this.#store }
      run(store, fn) {
        const before = this.#store
        this.#store = store
        try { return fn() } finally { this.#store = before }
      }
    }`,
  'node:events': `
    const events = globalThis.process?.getBuiltinModule?.('node:events')
    export const errorMonitor = events?.errorMonitor ?? Symbol('events.errorMonitor')`,
}

/** The copy of the entries for browsers and edge runtimes, each in one file. */
export async function buildForBrowsers() {
  for (const module of ANYWHERE.map((entry) => ENTRIES[entry])) {
    const bundle = await rolldown({
      input: `dist/${module}.js`,
      platform: 'neutral',
      external: (id) => !/^[./]/.test(id) && !(id in STAND_INS) && !id.startsWith('\0'),
      treeshake: { moduleSideEffects: false },
      plugins: [
        {
          name: 'stand-ins',
          resolveId: (id) => (id in STAND_INS ? `\0${id}` : null),
          load: (id) => STAND_INS[id.slice(1)] ?? null,
        },
      ],
    })
    await bundle.write({ file: `${BROWSER}/${module}.js`, format: 'esm' })
    await bundle.close()
  }
}

/** Comments that tell a bundler something stay. All others are in the declarations, or in the repository. */
const COMMENTS = { legal: true, annotation: true, jsdoc: false }

/** Writes the modules in dist anew, without their comments. */
export async function stripComments() {
  const modules = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
  await writeModules({ modules, dir: 'dist', format: 'esm', treeshake: { moduleSideEffects: true } })
}

/*
 * The CommonJS copy of the package, made of the modules in dist:
 *
 *   dist/cjs/package.json   says that it is CommonJS
 *   dist/cjs/**\/*.js        a file for each module, under the name that it has in dist: npm packs the two beside each other, and
 *                           what they have in common is compressed away
 *   dist/cjs/**\/*.d.ts      the declarations that the entries lead to: as they are in dist, but CommonJS's by the package.json
 */
export async function buildCommonJs() {
  const modules = [...Object.values(ENTRIES), ...THREADS].map((module) => `${module}.js`)
  await writeModules({
    modules,
    dir: CJS,
    format: 'cjs',
    // Only entries do anything when they are imported.
    treeshake: { moduleSideEffects: false },
    banner: "'use strict'",
    // Unused exports are left out: this one is for tracers of files.
    footer: ({ moduleIds }) => (moduleIds.some((id) => id.endsWith('load-level.js')) ? TRACED : ''),
  })
  for (const thread of THREADS) assert.ok(existsSync(`${CJS}/${thread}.js`), `${thread} is not where its module is`)
  const manifest = { type: 'commonjs', sideEffects: sideEffectsIn('./') }
  writeFileSync(`${CJS}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`)
  copyDeclarations()
}

/**
 * Writes modules of dist, and all that they import, a file each.
 *
 * @param {{ modules: readonly string[], treeshake: import('rolldown').TreeshakingOptions }
 *   & Pick<import('rolldown').OutputOptions, 'dir' | 'format' | 'banner' | 'footer'>} options
 */
async function writeModules({ modules, treeshake, ...output }) {
  const bundle = await rolldown({
    input: modules.map((file) => `dist/${file}`),
    platform: 'node',
    // Packages and Node's own modules.
    external: /^[^./]/,
    treeshake,
    experimental: { attachDebugInfo: 'none' },
  })
  const preserved = { preserveModules: true, preserveModulesRoot: 'dist', entryFileNames: '[name].js' }
  await bundle.write({ ...output, ...preserved, exports: 'named', comments: COMMENTS })
  await bundle.close()
}

/** Copies the declarations that the entries lead to, and removes all others from dist: nobody can reach them. */
function copyDeclarations() {
  const reached = new Set()
  const waiting = Object.values(ENTRIES).map((module) => `${module}.d.ts`)
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    const text = readFileSync(`dist/${file}`, 'utf8')
    for (const [, specifier = ''] of text.matchAll(/(?:from|import|import\() ?['"](\.[^'"]+)\.js['"]/g)) {
      waiting.push(posix.join(posix.dirname(file), `${specifier}.d.ts`))
    }
  }
  for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.d.ts') && !reached.has(file.split(sep).join('/'))) rmSync(join('dist', file))
  }
  for (const file of reached) {
    mkdirSync(join(CJS, dirname(file)), { recursive: true })
    copyFileSync(join('dist', file), join(CJS, file))
  }
}
