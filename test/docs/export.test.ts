import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { COLUMN_NAMES } from '../../src/export/columns.js'
import { EXPORT_FORMATS } from '../../src/export/index.js'
import { run } from '../cli/command-line.js'

// What docs/reading.md says of exports: every format has a row, and every command runs.
const page = await readFile(join(import.meta.dirname, '../../docs/reading.md'), 'utf8')
const rows = [...page.matchAll(/^\| `(\w+)` \| .+ \| `spanledger (export.*?)` \|$/gm)].map(
  ([, format = '', command = '']) => ({ format, command }),
)
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  await using log = await openAuditLog(directory)
  await log.append({ type: 'custom', sessionId: 's-1', time: '2026-11-02T00:00:00Z', data: { name: 'a' } })
})

afterAll(() => rm(directory, { recursive: true, force: true }))

test('every format has its row', () => {
  expect(rows.map(({ format }) => format)).toEqual(EXPORT_FORMATS)
})

test.each(rows)('$command', async ({ command }) => {
  expect(await run(command.split(' '), { env: { SPANLEDGER_LOG: directory } })).toMatchObject({ code: 0, err: '' })
})

test('the columns are those', () => {
  expect(page.replaceAll('\n', ' ').replaceAll(/ +/g, ' ')).toContain(`\`${COLUMN_NAMES.join(', ')}\``)
})
