import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { spanledger } from '../verify/tampered-log.js'

// What docs/integrity.md shows is done, in its order.
const page = readFileSync(join(import.meta.dirname, '../../docs/integrity.md'), 'utf8')
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block)
const generated = join(import.meta.dirname, 'generated')
const scratch = mkdtempSync(join(tmpdir(), 'spanledger-docs-'))
const startedIn = process.cwd()

beforeAll(async () => {
  rmSync(generated, { recursive: true, force: true })
  mkdirSync(generated)
  process.chdir(scratch)
  await using log = await openAuditLog('./audit')
  for (const name of ['a', 'b', 'c']) await log.append({ type: 'custom', data: { name } })
})

afterAll(() => {
  process.chdir(startedIn)
  rmSync(generated, { recursive: true, force: true })
  rmSync(scratch, { recursive: true, force: true })
})

test('the commands do what is said', async () => {
  const lines = blocksOf('console').flatMap((block) => block.trim().split('\n'))
  expect(lines.length).toBeGreaterThan(8)
  for (const line of lines) {
    const [command = ''] = line.split(' #')
    const [, ...argv] = command.trim().split(/\s+/)
    if (!command.startsWith('npx spanledger ')) execFileSync('sh', ['-c', command])
    else expect(await spanledger(...argv.slice(1)), line).toMatchObject({ code: 0, err: '' })
  }
})

test.each(blocksOf('ts').map((block, index) => [block.split('\n')[1] ?? '', block, index] as const))(
  'the code runs: %s',
  async (_, block, index) => {
    rmSync(join(scratch, 'audit'), { recursive: true, force: true })
    const file = join(generated, `block-${index}.ts`)
    writeFileSync(file, `${block}\nexport {}\n`)
    await import(file)
  },
)
