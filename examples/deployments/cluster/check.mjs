import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openAuditLogReader } from 'spanledger/reader'

/*
 * Four workers answer requests. One is killed while it has a run open, and the cluster starts another in its place. At
 * the end the event of every request that was answered is there once, the run that was open is interrupted, and the
 * whole location verifies.
 */
const WORKERS = 4
const ANSWERS_OF_EACH = 10

const location = await mkdtemp(join(tmpdir(), 'spanledger-cluster-'))
const env = { ...process.env, WORKERS: String(WORKERS), AUDIT_LOG: location }
let port = 0
const server = spawn(process.execPath, ['server.mjs'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
try {
  await listening()
  /** @type {Map<string, number>} */
  const answers = new Map()
  /** @type {string[]} */
  const answered = []
  let count = 0

  /** @param {string} path */
  const ask = (path) => {
    const id = `request-${++count}`
    return { id, pid: get(path, id) }
  }
  const askUntil = async (/** @type {() => boolean} */ isEnough) => {
    while (!isEnough()) {
      const round = Array.from({ length: WORKERS }, () => ask('/'))
      const pids = await Promise.all(round.map(({ pid }) => pid.catch(() => undefined)))
      for (const [index, pid] of pids.entries()) {
        // A request without an answer promises nothing.
        if (pid === undefined) continue
        answered.push(/** @type {{ id: string }} */ (round[index]).id)
        answers.set(pid, (answers.get(pid) ?? 0) + 1)
      }
    }
  }
  const busy = () => [...answers.values()].filter((number) => number >= ANSWERS_OF_EACH).length

  await askUntil(() => busy() === WORKERS)
  const hanging = ask('/hang')
  const victim = await hanging.pid
  answered.push(hanging.id)
  process.kill(Number(victim), 'SIGKILL')
  await askUntil(() => busy() === WORKERS + 1)

  server.kill('SIGTERM')
  const [code] = await once(server, 'exit')
  assert.equal(code, 0, 'the cluster shut down in order')

  const log = await openAuditLogReader(location)
  /** @type {Map<unknown, number>} */
  const found = new Map()
  for await (const { type, data } of log.events({ type: 'custom' })) {
    if (type !== 'custom' || data.name !== 'request_answered') continue
    found.set(data.id, (found.get(data.id) ?? 0) + 1)
  }
  for (const id of answered) assert.equal(found.get(id), 1, `${id} was answered, so its event is there once`)
  assert.equal((await log.run(hanging.id))?.status, 'interrupted')
  await log.close()

  const verified = spawnSync('npx', ['spanledger', 'verify', location], { encoding: 'utf8' })
  assert.equal(verified.status, 0, verified.stdout + verified.stderr)
  console.log(`${answered.length} requests answered by ${answers.size} processes, one of them killed: all on record`)
} finally {
  if (server.exitCode === null) server.kill('SIGKILL')
  await rm(location, { recursive: true, force: true })
}

/** Resolves when a worker listens. The workers share a port. */
function listening() {
  return new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error('the cluster ended before it listened')))
    createInterface({ input: server.stdout }).on('line', (line) => {
      port = Number(/ is listening on (\d+)$/.exec(line)?.[1] ?? port)
      if (port > 0) resolve(undefined)
    })
  })
}

/**
 * A connection for each request, so that the primary hands them out in turn.
 *
 * @param {string} path
 * @param {string} id
 * @returns {Promise<string>} the id of the process that has answered
 */
function get(path, id) {
  return new Promise((resolve, reject) => {
    // A connection that was handed to a worker as it died is never answered.
    const signal = AbortSignal.timeout(5_000)
    request({ port, path, agent: false, signal, headers: { 'x-request-id': id } }, (response) => {
      response.on('error', () => {})
      response.resume()
      resolve(String(response.headers['x-pid']))
    })
      .on('error', reject)
      .end()
  })
}
