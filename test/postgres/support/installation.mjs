// Where PostgreSQL is on this machine, and whom it may run as: for the tests, and for the benchmark.
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isRoot = process.getuid?.() === 0

/** Whom the servers run as: PostgreSQL refuses to run as root. */
export const serverAccount = isRoot ? accountOf('postgres') : undefined

/** Whether a server can be started here. */
export function isInstalled() {
  return findBinaries() !== undefined && (!isRoot || serverAccount !== undefined)
}

/**
 * The path of a program of the newest PostgreSQL of this machine.
 *
 * @param {string} name
 */
export function tool(name) {
  const binaries = findBinaries()
  if (binaries === undefined)
    throw new Error('PostgreSQL is not installed: no postgres where Debian or pg_config has it')
  return join(binaries, name)
}

/**
 * Runs such a program to its end.
 *
 * @param {string} name
 * @param {readonly string[]} args
 */
export function runTool(name, args) {
  const { status, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', cwd: tmpdir(), ...serverAccount })
  if (status !== 0) throw new Error(`${name} failed: ${stderr}`)
}

/** A port of loopback that nobody uses. */
export async function freePort() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** @type {string | undefined} */
let found

/** Where Debian has it, or as pg_config says. */
function findBinaries() {
  if (found !== undefined) return found
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = versions.map((version) => join(debian, version, 'bin'))
  folders.push(output('pg_config', ['--bindir']))
  found = folders.find((folder) => folder !== '' && existsSync(join(folder, 'postgres')))
  return found
}

/** @param {string} name */
function accountOf(name) {
  const [uid, gid] = ['-u', '-g'].map((flag) => output('id', [flag, name]))
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns what it prints; nothing where it fails, or is not there
 */
function output(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}
