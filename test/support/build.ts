import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { inject } from 'vitest'
import { ENTRIES, THREADS } from '../../scripts/entries.mjs'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder of this run of the tests alone, below which the packages of the project are found. */
    generated: string
  }
}

const root = join(import.meta.dirname, '../..')

/** Modules that tests load in child processes: the package's own, and some that it keeps to itself. */
const MODULES = [
  ...Object.values(ENTRIES),
  ...THREADS,
  'audit-log/index',
  'checkpoint/index',
  'cli/index',
  'cli/main',
  'content/keys/file-keys',
  'content/keys/provider',
  'content/keys/rotate',
  'log/committing/writer',
  'log/recovery/adopt-staging',
  'log/recovery/recovery-commits',
  'log/sealing/clock',
  'log/sealing/seal',
  'log/staging/staged-intake',
  'log/staging/staging-journal',
  'log/statements',
  'otel/processor',
  'store/leveldb/index',
]

/**
 * Returns the folder of the built sources, for child processes: {@link MODULES} under their own names, and what they share
 * in a few files, which a process loads in a third of the time that hundreds take. The first test file that asks builds it,
 * and all of a run share it: a test that changes it builds its own by {@link buildBeside}.
 */
export async function sharedBuild(): Promise<string> {
  const generated = inject('generated')
  const dist = join(generated, 'dist')
  if (existsSync(dist)) return dist
  // Test files run side by side: whoever is done first has built it for all.
  const own = mkdtempSync(join(generated, 'build-'))
  await bundle(own, MODULES, 'esm')
  try {
    renameSync(own, dist)
  } catch (problem) {
    if (!existsSync(dist)) throw problem
    rmSync(own, { recursive: true })
  }
  return dist
}

/** Builds modules, and the files that threads begin with, in CommonJS, into a folder that goes with this run of the tests. */
export async function commonJsBuild(modules: readonly string[]): Promise<string> {
  const dir = mkdtempSync(join(inject('generated'), 'commonjs-'))
  await bundle(dir, [...modules, ...THREADS], 'cjs')
  writeFileSync(join(dir, 'package.json'), '{ "type": "commonjs" }')
  return dir
}

async function bundle(dir: string, modules: readonly string[], format: 'cjs' | 'esm'): Promise<void> {
  const bundling = await rolldown({
    input: Object.fromEntries(modules.map((module) => [module, join(root, 'src', `${module}.ts`)])),
    platform: 'node',
    // Packages and Node's own modules.
    external: /^(?!\.|\/)/,
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    treeshake: false,
  })
  // Each file is one folder deep, so that '../<thread>.js' leads to the file of a thread.
  await bundling.write({ dir, format, entryFileNames: '[name].js', chunkFileNames: 'shared/[name].js' })
  await bundling.close()
}

/**
 * Compiles the sources, each into a file of its own as in the package, into the folder `generated` beside the test that
 * asks for it, which is the only one of its folder that does.
 */
export function buildBeside(testFolder: string): { readonly dist: string; remove(): void } {
  const dist = join(testFolder, 'generated')
  const remove = () => rmSync(dist, { recursive: true, force: true })
  remove()
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  // `npm run types` checks the types, and nobody here needs them.
  const args = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--declaration', 'false', '--outDir', dist]
  execFileSync(process.execPath, [tsc, ...args], { stdio: 'pipe' })
  return { dist, remove }
}
