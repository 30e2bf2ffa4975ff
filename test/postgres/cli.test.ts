import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.js'
import { postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { emptyDatabase } from './support/database.js'

/** Runs a command line. */
async function spanledger(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' }
  const stream = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _, done) {
        said[name] += String(chunk)
        done()
      },
    })
  const io = { out: stream('out'), err: stream('err'), env: {}, now: () => 0, signal: new AbortController().signal }
  const code = await main(argv, io as unknown as Parameters<typeof main>[1])
  return { code, ...said }
}

test('the command line makes the tables, and reads a log from them', async () => {
  const { url } = await emptyDatabase()
  expect(await spanledger('query', '--store', `${url()}#a%20log`)).toMatchObject({
    code: 1,
    err: expect.stringContaining("run 'spanledger postgres migrate'"),
  })
  expect(await spanledger('postgres', 'migrate', url())).toMatchObject({ code: 0, out: 'version 1: tables made\n' })
  expect(await spanledger('postgres', 'migrate', url())).toMatchObject({ out: 'version 1: nothing to do\n' })
  const store = postgresStore({ connectionString: url(), logId: 'a log' })
  await store.open()
  await store.commit(sealedEntries(3))
  await store.close()
  const { code, out } = await spanledger('query', '--jsonl', '--store', `${url()}#a%20log`)
  expect(code).toBe(0)
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).seq),
  ).toEqual([0, 1, 2])
})

test('what cannot be meant is said', async () => {
  expect(await spanledger('query', '--store', 'postgres://host/db')).toMatchObject({ code: 64 })
  expect(await spanledger('doctor', '--store', 'postgres://host/db#log')).toMatchObject({
    code: 64,
    err: expect.stringContaining('this command works on a directory'),
  })
  expect(await spanledger('postgres')).toMatchObject({ code: 64, err: expect.stringContaining('postgres migrate') })
  expect(await spanledger('postgres', 'migrate', 'host')).toMatchObject({ code: 64 })
})
