import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { declaredIn, exportedBy, wordsOf } from '../../scripts/exported-names.mjs'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-names-'))
afterAll(() => rm(directory, { recursive: true }))

test('splits a name into its words', () => {
  expect(wordsOf('openAuditLogReader')).toEqual(['open', 'audit', 'log', 'reader'])
  expect(wordsOf('MAX_ENTRY_BYTES')).toEqual(['max', 'entry', 'bytes'])
  expect(wordsOf('OCSFVersion')).toEqual(['ocsf', 'version'])
  expect(wordsOf('size1')).toEqual(['size1'])
})

test('finds the exported names of a file with what their comments say, and their members', async () => {
  const file = join(directory, 'declared.ts')
  await writeFile(
    file,
    `/**
 * Opens a {@link Door}. Closed before.
 *
 * @returns nothing
 */
export function open(): void {}
/** A way in */
export interface Door {
  readonly key: string
  turn(): void
}
/** Its states: two. */
export type State = 'open' | 'closed'
export class Wall {
  readonly bricks = 1
  #mortar = 2
  private paint(): number {
    return this.#mortar
  }
  get height(): number {
    return this.paint()
  }
}
const hidden = 1
`,
  )
  expect(declaredIn(file)).toEqual([
    { name: 'open', file, kind: 'function', summary: 'Opens a `Door`', members: [] },
    { name: 'Door', file, kind: 'interface', summary: 'A way in', members: ['key', 'turn'] },
    { name: 'State', file, kind: 'type', summary: 'Its states: two', members: ['open', 'closed'] },
    { name: 'Wall', file, kind: 'class', summary: '', members: ['bricks', 'height'] },
  ])
})

test('follows what an entry exports from other files, under the name that it gives', async () => {
  const entry = join(directory, 'entry.ts')
  await writeFile(join(directory, 'inner.ts'), 'export const inner = 1\nexport type Other = { readonly a: 1 }\n')
  await writeFile(entry, "export { inner as outer, type Other } from './inner.js'\nexport const own = 2\n")
  expect(exportedBy(entry).map(({ name, kind }) => `${kind} ${name}`)).toEqual([
    'const own',
    'const outer',
    'type Other',
  ])
})

test('refuses an export of what is not there', async () => {
  const entry = join(directory, 'wrong.ts')
  await writeFile(join(directory, 'empty.ts'), 'export const something = 1\n')
  await writeFile(entry, "export { gone } from './empty.js'\n")
  expect(() => exportedBy(entry)).toThrow('gone')
})
