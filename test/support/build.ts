import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder of this run of the tests alone, below which the packages of the project are found. */
    generated: string
  }
}

const root = join(import.meta.dirname, '../..')

/**
 * Returns the folder of the compiled sources, for child processes. The first test file that asks compiles them, and all of
 * a run share them: a test that changes them compiles its own by {@link buildBeside}.
 */
export function sharedBuild(): string {
  const generated = inject('generated')
  const dist = join(generated, 'dist')
  if (existsSync(dist)) return dist
  // Test files run side by side: whoever is done first has compiled for all.
  const own = mkdtempSync(join(generated, 'build-'))
  compile(own)
  try {
    renameSync(own, dist)
  } catch (problem) {
    if (!existsSync(dist)) throw problem
    rmSync(own, { recursive: true })
  }
  return dist
}

/**
 * Compiles the sources into the folder `generated` beside the test that asks for it, which is the only one of its folder
 * that does.
 */
export function buildBeside(testFolder: string): { readonly dist: string; remove(): void } {
  const dist = join(testFolder, 'generated')
  const remove = () => rmSync(dist, { recursive: true, force: true })
  remove()
  compile(dist)
  return { dist, remove }
}

/** Compiles what `npm run types` checks. */
function compile(outDir: string): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--declaration', 'false', '--outDir', outDir]
  execFileSync(process.execPath, [tsc, ...args], { stdio: 'pipe' })
}
