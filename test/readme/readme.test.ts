import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blocksOf, lasting, printedLines, root } from './blocks.js'

// Every code block of the README is a module of its own: it is type-checked, and it runs.
const generated = join(import.meta.dirname, 'generated')
const blocks = blocksOf('ts')
const [firstOutput = ''] = blocksOf('text')
const files = blocks.map((_, index) => join(generated, `block-${index}.ts`))
const startedIn = process.cwd()
const scratch = mkdtempSync(join(tmpdir(), 'spanledger-readme-'))

beforeAll(() => {
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated)
  for (const [index, file] of files.entries()) writeFileSync(file, `${blocks[index]}\nexport {}\n`)
  process.chdir(scratch)
})

afterAll(() => {
  process.chdir(startedIn)
  rmSync(generated, { recursive: true, force: true })
  rmSync(scratch, { recursive: true, force: true })
})

test('there are code blocks', () => {
  expect(blocks.length).toBeGreaterThan(3)
})

test('they compile', () => {
  const config = { extends: '../../../tsconfig.json', include: ['*.ts'], exclude: [] }
  writeFileSync(join(generated, 'tsconfig.json'), JSON.stringify(config))
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', generated], { stdio: 'pipe' })
})

test.each(files.map((file, index) => [blocks[index]?.split('\n')[0] ?? '', file, index]))(
  'it runs: %s',
  async (_, file, index) => {
    const printed = printedLines()
    await expect(import(file as string)).resolves.toBeDefined()
    if (index === 0) expect(lasting(printed())).toBe(lasting(firstOutput))
  },
)
