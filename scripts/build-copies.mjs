import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/*
 * The CommonJS copy of the package, made of what tsc has written to dist:
 *
 *   dist/cjs/package.json   says that it is CommonJS
 *   dist/cjs/<entry>.js     the entries, and the files that threads begin with, under the names that they have in dist
 *   dist/cjs/shared/*.js    what several of them use. One folder deep, so that '../<thread>.js' leads to a thread's file
 *   dist/cjs/**\/*.d.ts      the declarations that the entries lead to: as they are in dist, but CommonJS's by the package.json
 */
export async function buildCommonJs() {
  const modules = [...Object.values(ENTRIES), ...THREADS]
  const bundle = await rolldown({
    input: Object.fromEntries(modules.map((module) => [module, `dist/${module}.js`])),
    platform: 'node',
    // Packages and Node's own modules.
    external: /^[^./]/,
    // Only entries do anything when they are imported.
    treeshake: { moduleSideEffects: false },
  })
  const { output } = await bundle.write({
    dir: CJS,
    format: 'cjs',
    exports: 'named',
    banner: "'use strict'",
    // Unused exports are left out: this one is for tracers of files.
    footer: ({ moduleIds }) => (moduleIds.some((id) => id.endsWith('load-level.js')) ? TRACED : ''),
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
  })
  await bundle.close()
  for (const chunk of output) {
    if (chunk.type !== 'chunk') continue
    const startsThreads = chunk.moduleIds.some((id) => /threads\.js$/.test(id))
    assert.ok(!startsThreads || chunk.fileName.split('/').length === 2, `${chunk.fileName} finds no file of a thread`)
  }
  const manifest = { type: 'commonjs', sideEffects: sideEffectsIn('./') }
  writeFileSync(`${CJS}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`)
  copyDeclarations()
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
