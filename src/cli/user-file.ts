import { constants, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { readNamedFile } from '../files/regular-file.js'

/**
 * Reads a small file that the user names. The path may lead through links, and to a pipe: `<(…)` of a shell. A pipe is
 * waited for without a thread that an interrupted process would have to wait for in turn.
 *
 * @throws what the file system throws; AuditLogError `AUDIT_FILE_REFUSED` for a device, a directory, or more than `maxBytes`
 */
export async function readUserFile(path: string, maxBytes: number): Promise<Buffer> {
  return (await stat(path)).isFIFO() ? await readPipe(path, maxBytes) : await readNamedFile(path, maxBytes)
}

async function readPipe(path: string, maxBytes: number): Promise<Buffer> {
  // The socket closes it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of new Socket({ fd, readable: true, writable: false })) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`)
  }
  return Buffer.concat(chunks)
}
