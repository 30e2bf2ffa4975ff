import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * Compiles the sources, for child processes: into the folder `generated` beside the test that asks for it, which is the
 * only one of its folder that does, since test files run side by side.
 */
export function buildBeside(testFolder: string): { readonly dist: string; remove(): void } {
  const dist = join(testFolder, 'generated')
  rmSync(dist, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', dist], { stdio: 'pipe' })
  return { dist, remove: () => rmSync(dist, { recursive: true, force: true }) }
}
