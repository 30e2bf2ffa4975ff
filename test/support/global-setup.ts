import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

/** Gives a run of the tests the folder that `sharedBuild` fills. */
export default function setup(project: TestProject): () => void {
  const all = join(import.meta.dirname, 'generated')
  mkdirSync(all, { recursive: true })
  const generated = mkdtempSync(join(all, 'run-'))
  project.provide('generated', generated)
  // In watch mode sources have changed.
  project.onTestsRerun(() => rmSync(join(generated, 'dist'), { recursive: true, force: true }))
  return () => rmSync(generated, { recursive: true, force: true })
}
