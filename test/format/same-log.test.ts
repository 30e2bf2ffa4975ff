import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { HAS_RANDOM_ID } from '../../src/events/random-id.js'
import * as spanledger from '../../src/index.js'
import { run } from '../cli/command-line.js'
import { recordLog } from '../fixtures/format-2/record.mjs'
import { readTiles, type Tiles } from '../fixtures/format-2/tiles.mjs'

// A log is the same log in every format: entries, leaf hashes, tiles, roots and checkpoints are what they were when format 2
// kept them, bit for bit. Only an entry whose id its caller chose has a salt now, beside what it had.

const FIXTURES = join(import.meta.dirname, '../fixtures/format-2')
/** The ids that the log is to choose, in their order. */
const ids = vi.hoisted((): string[] => [])
vi.mock('../../src/events/random-id.js', async (original) => ({ ...(await original<object>()), randomId }))
function randomId(): string {
  const id = ids.shift()
  if (id === undefined) throw new Error('the log chose more ids than it did in format 2')
  return id
}

// Format 2 kept error messages and reasons in its entries: here nothing is taken out of them.
vi.mock('../../src/governance/content-taker.js', () => ({ takeContent: () => undefined }))

const CHOSEN_BY_LOG = /^\{"v":1,"id":"([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})"/
const SALT = /,"salt":"[\da-f]{32}"(?=,"data":)/

interface Recorded extends Tiles {
  readonly checkpoints: readonly string[]
}

/** Reads what a version with format 2 recorded. */
function expected(name: string): Recorded {
  const { checkpoints, files, leafHashes } = JSON.parse(readFileSync(join(FIXTURES, name, 'expected.json'), 'utf8'))
  const entries = readFileSync(join(FIXTURES, name, 'entries.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
  return { checkpoints, files, leafHashes, entries }
}

describe.each([
  { name: 'first', later: false },
  { name: 'last', later: true },
])('what the $name version with format 2 recorded', ({ name, later }) => {
  const before = expected(name)
  let base: string
  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  })
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  async function record(label: string, asByProcessor?: (event: object) => object): Promise<Recorded> {
    const [directory, tiles] = [join(base, label), join(base, `${label}-tiles`)]
    ids.splice(0, ids.length, ...before.entries.flatMap((entry) => CHOSEN_BY_LOG.exec(entry)?.[1] ?? []))
    const checkpoints = await recordLog(spanledger, { directory, later, ...(asByProcessor && { asByProcessor }) })
    expect(ids).toEqual([])
    expect(await run(['export', '--log', directory, '--tiles', tiles])).toMatchObject({ code: 0 })
    return { checkpoints, ...readTiles(tiles) }
  }

  it('is recorded with the same entries, tiles, roots and checkpoints', async () => {
    const now = await record('by-processor', (event) => ({ ...event, [HAS_RANDOM_ID]: true }))
    expect(now.entries).toEqual(before.entries)
    expect(now.leafHashes).toEqual(before.leafHashes)
    expect(now.checkpoints).toEqual(before.checkpoints)
    expect(now.files).toEqual(before.files)
  })

  it('has a salt beside each id that a caller chose, and is the same but for that', async () => {
    const now = await record('by-callers')
    const salted = now.entries.map((entry) => SALT.test(entry))
    const chosen = before.entries.map((entry) => entry !== '' && !CHOSEN_BY_LOG.test(entry))
    expect(salted).toEqual(chosen)
    expect(now.entries.map((entry) => entry.replace(SALT, ''))).toEqual(before.entries)
  })
})
