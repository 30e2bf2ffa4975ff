import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printedLines } from '../readme/blocks.js'

// Every block of code of docs/deployment.md is a module of its own, which is type-checked. The one about tests runs.
const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8')
const blocks = [...page.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map(([, block = '']) => block)
const generated = join(import.meta.dirname, 'generated')

beforeAll(() => {
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated)
  for (const [index, block] of blocks.entries()) writeFileSync(fileOf(index), `${block}\nexport {}\n`)
  copyFileSync(join(import.meta.dirname, 'frameworks.d.ts.txt'), join(generated, 'frameworks.d.ts'))
  // Files of the application that the blocks load.
  writeFileSync(join(generated, 'app.module.ts'), 'export const AppModule = {}\n')
  writeFileSync(join(generated, 'instrumentation.node.ts'), 'export {}\n')
  writeFileSync(join(generated, 'telemetry.mts'), 'export {}\n')
})

afterAll(() => rmSync(generated, { recursive: true, force: true }))

test('its blocks of code compile', () => {
  expect(blocks.length).toBeGreaterThan(10)
  const config = { extends: '../../../tsconfig.json', include: ['*.ts', '*.mts'], exclude: [] }
  writeFileSync(join(generated, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  let problems = ''
  try {
    execFileSync(process.execPath, [tsc, '-p', generated], { encoding: 'utf8', stdio: 'pipe' })
  } catch (problem) {
    problems = String((problem as { stdout?: unknown }).stdout)
  }
  expect(problems).toBe('')
})

test('the test of an application that it shows prints what it says', async () => {
  const index = blocks.findIndex((block) => block.includes('openTestLog'))
  const printed = printedLines()
  await import(fileOf(index))
  expect(printed()).toBe('run_started,agent_handoff,run_completed\n<run 1>\n')
})

test('the examples that it names are there', () => {
  const named = [...page.matchAll(/\]\(\.\.\/(examples\/[^)]+)\)/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(2)
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

function fileOf(index: number): string {
  return join(generated, `block-${index}.ts`)
}
