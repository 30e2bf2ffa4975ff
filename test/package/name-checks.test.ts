import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { functionsIn, summaryFlaw } from '../../scripts/exported-names.mjs'

const GLOSSARY = `## Glossary

### Things

| term | meaning | not |
|---|---|---|
| **entry** | the stored bytes of an event | blob |
| **note** | a signed text | |

### Acts

| verb | act | not |
|---|---|---|
| **remember** | keep a fact in memory | note, learn |

## The rest
`

const ENTRY = '/** An entry. */\nexport interface Entry {\n  readonly note: string\n}\n'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'spanledger-name-checks-'))
  await put('docs/architecture.md', GLOSSARY)
  await put('scripts/plain-words.txt', '# Words\nopen\n\n# Names of products\nacme\n')
  await put('src/index.ts', ENTRY)
})
afterEach(() => rm(root, { recursive: true }))

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

/** Runs a script on the tree. */
function run(script: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const path = resolve('scripts', script)
  return new Promise((done) => {
    execFile(process.execPath, [path, ...args], { cwd: root }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}

describe('check-names', () => {
  test('accepts names of the glossary and plain words, products included', async () => {
    await put('src/open.ts', 'export function openEntry(): void {}\nexport const ACME_ENTRIES = 1\n')
    expect(await run('check-names.mjs')).toMatchObject({ code: 0 })
  })

  test('refuses a word that is in neither list', async () => {
    await put('src/open.ts', 'export function openGizmo(): void {}\n')
    const { code, output } = await run('check-names.mjs')
    expect(code).toBe(1)
    expect(output).toContain('gizmo: openGizmo in src/open.ts')
  })

  test('does not take the title of a section for a word', async () => {
    await put('src/open.ts', 'export const products = 1\n')
    expect((await run('check-names.mjs')).output).toContain('products: products in src/open.ts')
  })

  test('refuses a word for which the glossary has another', async () => {
    await put('src/open.ts', 'export function openBlob(): void {}\n')
    const { code, output } = await run('check-names.mjs')
    expect(code).toBe(1)
    expect(output).toContain('blob (the glossary has entry): openBlob in src/open.ts')
  })

  test.each([
    ['a function', 'function learnEntry(): void {}\nlearnEntry()\n'],
    ['a method', 'class Entries {\n  learnEntry(): void {}\n}\nnew Entries()\n'],
    ['a private method', 'class Entries {\n  #learnEntry(): void {}\n  open() {\n    this.#learnEntry()\n  }\n}\n'],
    ['a constant', 'const learnEntry = () => 1\nlearnEntry()\n'],
  ])('refuses a verb for which the glossary has another, of %s', async (_, text) => {
    await put('src/open.ts', text)
    const { code, output } = await run('check-names.mjs')
    expect(code).toBe(1)
    expect(output).toContain('learn (the glossary has remember): learnEntry in src/open.ts')
  })

  test('accepts a function that is named after a thing, and refuses the verb of the same form', async () => {
    await put('src/open.ts', 'const note = () => 1\nnote()\n')
    expect(await run('check-names.mjs')).toMatchObject({ code: 0 })
    await put('src/open.ts', 'const noteEntry = () => 1\nnoteEntry()\n')
    expect((await run('check-names.mjs')).output).toContain('note (the glossary has remember): noteEntry')
  })

  test('refuses a public name without a summary', async () => {
    await put('src/index.ts', `${ENTRY}export const open = 1\n`)
    const { code, output } = await run('check-names.mjs')
    expect(code).toBe(1)
    expect(output).toContain('no summary: open in src/index.ts')
  })

  test('lists the functions by their first words', async () => {
    await put('src/open.ts', 'export function openEntry(): void {}\nconst openNote = () => 1\nopenNote()\n')
    expect((await run('check-names.mjs', '--verbs')).output).toBe('open: openEntry, openNote\n')
  })
})

describe('check-shape', () => {
  test('accepts a file of 299 lines, and refuses one of 300', async () => {
    await put('src/long.ts', 'export {}\n'.repeat(299))
    expect(await run('check-shape.mjs')).toMatchObject({ code: 0 })
    await put('src/long.ts', 'export {}\n'.repeat(300))
    const { code, output } = await run('check-shape.mjs')
    expect(code).toBe(1)
    expect(output).toContain('src/long.ts: 300 lines')
  })

  test.each(['1 as unknown as string', '(1 as unknown) as string', '1 as any as string'])(
    'refuses %s',
    async (cast) => {
      await put('src/cast.ts', `\nexport const text = ${cast}\n`)
      const { code, output } = await run('check-shape.mjs')
      expect(code).toBe(1)
      expect(output).toContain('src/cast.ts:2: a cast')
    },
  )

  test('accepts a cast in a test', async () => {
    await put('src/cast.test.ts', 'export const text = 1 as unknown as string\n')
    expect(await run('check-shape.mjs')).toMatchObject({ code: 0 })
  })
})

test('finds private and local functions too, and no fields', async () => {
  await put(
    'src/functions.ts',
    'export class A {\n  #one = () => 1\n  two = 2\n  get three() {\n    return this.#one()\n  }\n}\nexport interface B {\n  four(): void\n}\n',
  )
  expect(functionsIn(join(root, 'src/functions.ts'))).toEqual(['one', 'four'])
})

test('finds no fault with a noun phrase or a verb, and one with a question', () => {
  expect(summaryFlaw('Returns the entry')).toBeUndefined()
  expect(summaryFlaw('Items of a list')).toBeUndefined()
  expect(summaryFlaw('Whether it is open')).toContain("'Whether'")
  expect(summaryFlaw('')).toBe('no summary')
})
