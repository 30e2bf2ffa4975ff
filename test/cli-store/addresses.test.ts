import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.js'

/** Runs the command line in this process, which nothing connects to anything: each address is refused before. */
async function spanledger(...args: string[]) {
  const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()]
  input.end()
  const io = { out, err, input, env: {}, now: Date.now, signal: new AbortController().signal }
  const code = await main(args, io as unknown as Parameters<typeof main>[1])
  out.end()
  err.end()
  return { code, err: await text(err) }
}

const SECRET = 'secret-word'
const COMMANDS: readonly (readonly string[])[] = [
  ['query'],
  ['tail'],
  ['show', '1'],
  ['runs'],
  ['sessions'],
  ['agents'],
  ['stats'],
  ['export'],
  ['export', '--tiles', 'tiles'],
  ['prove', '1'],
  ['verify'],
  ['doctor'],
  ['record', 'custom', '--data', '{"name":"note"}'],
]
const ADDRESSES = [
  '',
  'x',
  'http://h/x#a',
  'postgres://',
  'postgres://#',
  'postgres://h/x',
  'postgres://h/x#',
  `postgres://u:${SECRET}@h:99999/x#`,
  `postgres://u:${SECRET}@h:99999/x#a`,
  `postgres://u:${SECRET}@h:0/x#a`,
  `postgres://u:${SECRET}@h:port/x#a`,
  `postgres://u:${SECRET}@[::1/x#a`,
  `postgres://u:${SECRET}%@h/x#a`,
  `postgres://u%ff:${SECRET}@h/x#a`,
  `postgres://u:${SECRET}@h/%zz#a`,
  `postgres://u:${SECRET}@h/x#%`,
  `postgres://u:${SECRET}@h/x#%00`,
  `postgres://u:${SECRET}@h/x#${'a'.repeat(201)}`,
  `postgres://u:${SECRET}@h/x?sslmod=require#a`,
  `postgres://u:${SECRET}@h/x?sslmode=maybe#a`,
  `postgres://u:${SECRET}@h/x?port=70000#a`,
  `postgres://u:${SECRET}@h/x?sslrootcert=/not/there.pem#a`,
  `postgres://u:${SECRET} word@h/x#a`,
  `postgres://u:${SECRET}@h h/x#a`,
]

describe.each(COMMANDS)('%s of an address that cannot be meant', (...command) => {
  it.each(ADDRESSES)(
    'is a mistake of whoever typed it, and shows neither stack nor password: --store %s',
    async (url) => {
      const { code, err } = await spanledger(...command, '--store', url)
      expect({ code, err }).toEqual({ code: 64, err: expect.stringMatching(/^spanledger: [^\n]+\n$/) })
      expect(err).not.toContain(SECRET)
      expect(err).not.toMatch(/\bat .*:\d+:\d+/)
    },
  )
})

describe.each([
  ['migrate', (url: string) => ['postgres', 'migrate', url.split('#')[0] as string]],
  ['grant', (url: string) => ['postgres', 'grant', url, 'role']],
  ['revoke', (url: string) => ['postgres', 'revoke', url, 'role']],
] as const)('postgres %s', (name, args) => {
  it.each(ADDRESSES.filter((url) => name !== 'migrate' || /:99999|%@|%ff|%zz|[?]| word@|h h/.test(url)))(
    'refuses %s',
    async (url) => {
      const { code, err } = await spanledger(...args(url))
      expect({ code, err }).toEqual({ code: 64, err: expect.stringMatching(/^spanledger: [^\n]+\n$/) })
      expect(err).not.toContain(SECRET)
    },
  )
})

it('an address at the wrong place is not shown with its password', async () => {
  const url = `postgres://u:${SECRET}@h/x#a`
  for (const args of [
    ['query', url],
    ['runs', '--log', url],
    ['query', '--log', 'audit', '--store', url, url],
    ['verify', url],
    ['verify', 'audit', '--store', url],
    ['postgres', 'grant', url, 'role', url],
    ['postgres', url],
    [url],
  ]) {
    const { code, err } = await spanledger(...args)
    expect({ args, code, shown: err.includes(SECRET) }).toEqual({ args, code: 64, shown: false })
  }
})
