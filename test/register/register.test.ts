import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAuditLogReader } from '../../src/index.js'
import { commonJsBuild, sharedBuild } from '../support/build.js'

const modules = pathToFileURL(await sharedBuild()).href
const required = ['--require', join(await commonJsBuild(['register/index']), 'register/index.js')]
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spanledger-register-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Started {
  readonly child: ChildProcess
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly stderr: Promise<string>
}

function start(
  setUp: readonly string[],
  env: Readonly<Record<string, string>> = { SPANLEDGER_LOG: directory },
): Started {
  return startNode([...preload(), join(import.meta.dirname, 'app.mjs'), ...setUp], env)
}

/** Arguments of Node.js that load the entry before the application. */
function preload(): readonly string[] {
  return ['--import', `${modules}/register/index.js`]
}

function startNode(args: readonly string[], env: Readonly<Record<string, string>>): Started {
  const { SPANLEDGER_LOG: _, ...others } = process.env
  const child = spawn(process.execPath, args, { env: { ...others, SPANLEDGER_DIST: `${modules}/`, ...env } })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return { child, ended, stderr: text(child.stderr) }
}

/** Runs the application to its end. @returns what it has printed */
async function run(setUp: readonly string[], env?: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const { child, ended, stderr } = start(setUp, env)
  const [output, end, errors] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), ended, stderr])
  expect({ ...end, errors }).toMatchObject({ code: 0 })
  return { ...(JSON.parse(output) as object), errors }
}

/** Statements about what a log took over, which depend on when the application ended. */
const OF_THE_LOG: ReadonlySet<string> = new Set(['staging_adopted', 'events_recovered'])

async function trail(): Promise<readonly string[]> {
  await using reader = await openAuditLogReader(directory)
  const types: string[] = []
  const runs = new Set<string | undefined>()
  for await (const { type, runId } of reader.events()) {
    if (type.startsWith('audit_') || OF_THE_LOG.has(type)) continue
    types.push(type)
    runs.add(runId)
  }
  expect(runs.size).toBe(1)
  return types
}

const TRAIL = [
  'run_started',
  'token_usage_updated',
  'tool_call_started',
  'tool_call_completed',
  'token_usage_updated',
  'run_completed',
]

describe('an agent of the AI SDK is on record, once', () => {
  test('without a provider, and what it puts into a context is kept', async () => {
    expect(await run([])).toMatchObject({ kept: 'kept', exported: 0, errors: '' })
    expect(await trail()).toEqual(TRAIL)
  })

  test('under an SDK that knows nothing of the audit, which exports as before', async () => {
    expect(await run(['sdk'])).toMatchObject({ kept: 'kept', exported: 4, errors: '' })
    expect(await trail()).toEqual(TRAIL)
  })

  test('under an SDK that samples everything away', async () => {
    expect(await run(['sdk', 'off'])).toMatchObject({ exported: 0, errors: '' })
    expect(await trail()).toEqual(TRAIL)
  })

  test('under an SDK that has a processor for the same directory', async () => {
    expect(await run(['sdk', 'own processor'])).toMatchObject({ exported: 4, errors: '' })
    expect(await trail()).toEqual(TRAIL)
  })
})

const ALL = ['child', 'main', 'thread']
/** Has Node.js start its thread for module hooks, which preloads what `--require` names. */
const hooks = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`import{register}from"module";register("data:text/javascript,")`)}`,
]

test.each([
  ['is on record, whichever copy of the API it loads', preload(), {}, ['main']],
  ['is on record with its child processes and threads, which inherit NODE_OPTIONS', preload(), { FAMILY: 'true' }, ALL],
  ['is on record by --require as well, with its child processes and threads', required, { FAMILY: 'true' }, ALL],
  ['takes one log by --require, none for the thread of module hooks', [...required, ...hooks], {}, ['main']],
])('an application in CommonJS without a provider %s', async (_, preloads, env, members) => {
  const NODE_OPTIONS = preloads.join(' ')
  const program = join(import.meta.dirname, 'family.cjs')
  const { ended, stderr } = startNode([program], { SPANLEDGER_LOG: directory, NODE_OPTIONS, ...env })
  expect({ ...(await ended), errors: await stderr }).toEqual({ code: 0, signal: null, errors: '' })
  await using reader = await openAuditLogReader(directory)
  const runs = await reader.runs().toArray()
  const agents = runs.map(({ agent, status, tools }) => `${agent?.name} ${status}, ${tools.items.length} tool`)
  expect(agents.sort()).toEqual(members.map((name) => `${name} completed, 1 tool`))
  expect(await reader.events({ type: 'audit_attached' }).count()).toBe(members.length)
})

test('without SPANLEDGER_LOG the application runs, and a warning names the variable', async () => {
  const { errors, exported } = await run(['sdk'], {})
  expect(exported).toBe(4)
  expect(errors).toMatch(/Nothing is audited: .* Set SPANLEDGER_LOG/)
})

describe('SIGTERM', () => {
  test('ends an application that does not listen to it, as ever; its trail is there', async () => {
    const { child, ended } = start(['stays'])
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: null, signal: 'SIGTERM' })
    const { openAuditLog } = await import('../../src/index.js')
    await (await openAuditLog(directory)).close()
    expect(await trail()).toEqual(TRAIL)
  })

  test('leaves the decision to an application that listens to it', async () => {
    const { child, ended } = start(['listens'])
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    const rest = text(child.stdout as NodeJS.ReadableStream)
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(await rest).toContain('leaving')
    expect(await trail()).toEqual(TRAIL)
  })
})
