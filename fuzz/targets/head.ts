import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HeadFile, readHeadFile } from '../../src/log/journal/head-file.js'
import { decodeLogId, encodeLogId } from '../../src/store/log-id.js'
import { temporaryDirectory } from '../support/directory.js'
import { claim, same } from '../support/oracle.js'

/*
 * The file `head`, and the id of a log as the database keeps it.
 *
 * Oracle: what is accepted is written again as the same bytes.
 */
const directory = temporaryDirectory()
const path = join(directory, 'head')
const writtenPath = join(directory, 'written')

export function fuzz(bytes: Buffer): void {
  const id = decodeLogId(bytes)
  if (id !== undefined) same(encodeLogId(id), bytes, 'an id is stored in another form')
  writeFileSync(path, bytes)
  const head = readHeadFile(path)
  const isBlank = bytes.every((byte) => byte === 0)
  claim((head === undefined) === isBlank, 'a head is there that says nothing, or says something and is not there')
  if (head === undefined || head === 'malformed') return
  writeFileSync(writtenPath, '')
  const file = new HeadFile(writtenPath)
  file.write(head.size, Buffer.from(head.leaf, 'hex'))
  file.close()
  same(readFileSync(writtenPath), bytes, 'a head is written in another form')
}

export function seeds(): Buffer[] {
  const file = new HeadFile(path)
  file.write(42, Buffer.alloc(32, 0xa5))
  file.close()
  return [readFileSync(path), Buffer.alloc(16), encodeLogId('0123456789abcdef')]
}
