import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ENTRIES, entryFields, THREADS } from '../../scripts/entries.mjs'

const root = join(import.meta.dirname, '../..')

function jsonOf(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

describe('the entries of the package', () => {
  it('are what package.json exports (node scripts/entries.mjs writes it)', () => {
    expect(jsonOf('package.json')).toMatchObject(entryFields())
    expect(Object.keys(jsonOf('package.json').exports as object)).toEqual(Object.keys(entryFields().exports))
  })

  it('are modules of src, as the files of threads are', () => {
    for (const module of [...Object.values(ENTRIES), ...THREADS]) {
      expect(existsSync(join(root, `src/${module}.ts`)), module).toBe(true)
    }
  })

  it('are what examples and tests import by name', () => {
    const { paths } = jsonOf('tsconfig.json').compilerOptions as { paths: Record<string, string[]> }
    const expected = Object.entries(ENTRIES).map(([entry, module]) => [
      entry.replace(/^\./, 'spanledger'),
      [`./src/${module}.ts`],
    ])
    expect(paths).toEqual(Object.fromEntries(expected))
  })
})
