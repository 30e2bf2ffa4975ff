import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openAuditLog, openAuditLogReader } from '../../src/index.js'
import { hashLeaf, verifyContentProof, verifyReceipt } from '../../src/verify/index.js'
import { ended, run, start } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()
const dist = await sharedBuild()

const policy = { name: 'everything', rules: [{ payload: 'content' }] } as const
const options = { policy, on: { problem: () => {} } } as const

async function leaveLog(): Promise<void> {
  const log = await openAuditLog(directory, options)
  const call = { callId: 'c', tool: { name: 't' }, durationMs: 1 }
  log.record({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'no\nanswer' } } })
  log.record({ type: 'tool_call_completed', data: { ...call, arguments: { q: ['\u001b[2J'] }, result: 'found' } })
  log.record({ type: 'custom', data: { name: 'plain' } })
  await log.flush()
  await log.checkpoint()
  await log.close()
}

/** Position of the event of a type. */
async function seqOf(type: string): Promise<number> {
  await using reader = await openAuditLogReader(directory, { contentKeys: false })
  const [event] = await reader.events({ type }).toArray()
  return event?.seq ?? -1
}

test('content is read while another process writes it', async () => {
  const args = [join(import.meta.dirname, 'writer.mjs'), dist, directory, 'journal', '0']
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(writer, 'exit')
  let said = 0
  let seen = 0
  try {
    for await (const chunk of writer.stdout) {
      said += String(chunk).split('\n').length - 1
      if (said < 30) continue
      await using reader = await openAuditLogReader(directory)
      const events = await reader.events({ type: 'error_occurred', content: 'all' }).toArray()
      for (const { data, content } of events) {
        expect(data.error.message).toMatch(new RegExp(`^message ${data.operation} x*$`))
        expect(content?.items).toMatchObject([{ status: 'readable' }])
      }
      seen = events.length
      if (seen >= 30) break
    }
  } finally {
    writer.kill('SIGKILL')
    await exited
  }
  expect(seen).toBeGreaterThanOrEqual(30)
})

test('a reader that is open when its keys come reads content from then on', async () => {
  await leaveLog()
  const [keys, kept] = [join(directory, 'keys/content'), `${directory}-keys`]
  await rename(keys, kept)
  await using reader = await openAuditLogReader(directory)
  const query = { type: 'error_occurred', content: 'all' } as const
  const statuses = async () => (await reader.events(query).toArray()).flatMap(({ content }) => content?.items ?? [])
  expect(await statuses()).toMatchObject([{ status: 'key_unavailable' }])
  await mkdir(join(directory, 'keys'), { recursive: true })
  await cp(kept, keys, { recursive: true })
  expect(await statuses()).toMatchObject([{ status: 'readable' }])
})

test('a copy of a directory without its content says that it is missing, and reads everything else', async () => {
  await leaveLog()
  await rm(join(directory, 'content'), { recursive: true })
  await using reader = await openAuditLogReader(directory)
  const [event] = await reader.events({ type: 'error_occurred', content: 'all' }).toArray()
  expect(event).toMatchObject({ data: { error: { code: 'E' } }, content: { items: [{ status: 'missing' }] } })
})

test('evidence has the content that is asked for, and a stranger verifies it', async () => {
  await leaveLog()
  await using reader = await openAuditLogReader(directory)
  const query = { type: ['error_occurred', 'tool_call_completed'] }
  for await (const entry of (await reader.evidence(query)).entries) expect(entry).not.toHaveProperty('content')
  const proved: [string, string][] = []
  const evidence = await reader.evidence({ ...query, content: 'all' })
  const { vkey } = JSON.parse((await run(['doctor', '--json', '--log', directory])).out)
  for await (const { bytes, receipt, content = [] } of evidence.entries) {
    verifyReceipt(receipt, hashLeaf(bytes), { origin: vkey.split('+')[0], logKeys: [vkey] })
    for (const { field, status, proof } of content) {
      expect(status).toBe('readable')
      if (!proof) throw new Error(`${field} has no proof`)
      verifyContentProof(proof, bytes)
      proved.push([field, proof.value])
    }
  }
  expect(proved).toEqual([
    ['data.error.message', 'no\nanswer'],
    ['data.arguments', '{"q":["\\u001b[2J"]}'],
    ['data.result', 'found'],
  ])
  const diagnostics: string[] = []
  for await (const { content = [] } of (await reader.evidence({ ...query, content: 'diagnostics' })).entries) {
    diagnostics.push(...content.map(({ field }) => field))
  }
  expect(diagnostics).toEqual(['data.error.message'])
  await using without = await openAuditLogReader(directory, { contentKeys: false })
  for await (const { content = [] } of (await without.evidence({ ...query, content: 'all' })).entries) {
    for (const item of content) {
      expect(item.status).toBe('key_unavailable')
      expect(item).not.toHaveProperty('proof')
    }
  }
})

test('the command line shows the content of one event, and what became of it', async () => {
  await leaveLog()
  const content = (...args: string[]) => run(['content', ...args, '--log', directory])
  const [failed, called, plain] = [
    await seqOf('error_occurred'),
    await seqOf('tool_call_completed'),
    await seqOf('custom'),
  ]
  const shown = await content(`${failed}`)
  expect(shown).toMatchObject({ code: 0, err: '' })
  expect(shown.out).toMatch(
    /^data\.error\.message {2}diagnostic {2}readable {2}9 B\n {2}keyed-sha256:\S+\n {2}no\n {2}answer\n$/,
  )
  expect((await content(`${called}`)).out).not.toContain('\u001b')
  const asked = await content(`${called}`, '--field', 'data.arguments', '--json')
  expect(JSON.parse(asked.out)).toMatchObject({
    seq: called,
    items: [{ field: 'data.arguments', class: 'payload', status: 'readable', value: { q: ['\u001b[2J'] } }],
  })
  const proof = JSON.parse((await content(`${called}`, '--field', 'data.result', '--prove', '--jsonl')).out).items[0]
    .proof
  expect(() => verifyContentProof(proof)).not.toThrow()
  expect(await content(`${plain}`)).toMatchObject({ code: 0, out: `event ${plain} has no content\n` })
  expect(JSON.parse((await content(`${plain}`, '--json')).out)).toEqual({ seq: plain, items: [] })
  expect(await content('999')).toMatchObject({ code: 66, err: expect.stringContaining('there is no entry 999') })
  const none = await content(`${called}`, '--field', 'data.prompt')
  expect(none).toMatchObject({ code: 66, err: expect.stringContaining('there are data.arguments, data.result') })
  expect(await content('first')).toMatchObject({ code: 64 })
  await rm(join(directory, 'keys/content'), { recursive: true })
  expect((await content(`${failed}`)).out).toContain('key_unavailable')
  const unproved = await content(`${failed}`, '--prove')
  expect(unproved).toMatchObject({ code: 70, out: '', err: expect.stringContaining('key_unavailable') })
})

test('the command line exports content where it is asked to', async () => {
  await leaveLog()
  const exported = (...args: string[]) => run(['export', ...args, '--log', directory])
  expect((await exported('-f', 'events')).out).not.toContain('found')
  expect((await exported('-f', 'events', '--content', 'diagnostics')).out).not.toContain('found')
  expect((await exported('-f', 'events', '--content', 'diagnostics')).out).toContain('no\\nanswer')
  expect((await exported('-f', 'csv', '--content', 'all')).out).toContain('found')
  const refused = await exported('--content', 'all')
  expect(refused).toMatchObject({ code: 64, out: '', err: expect.stringContaining("use the format 'events'") })
  expect(await exported('-f', 'csv', '--content', 'some')).toMatchObject({ code: 64 })
  // On threads, as another process.
  const args = ['export', '-f', 'cloudevents', '--content', 'all', '--threads', '2', '--log', directory]
  const threaded = await ended(start(dist, args))
  expect(threaded).toMatchObject({ code: 0, err: '' })
  expect(threaded.out).toBe((await exported('-f', 'cloudevents', '--content', 'all')).out)
})
