import { NameHashes } from '../store/leveldb/hash-key.js'

let known: { readonly hashKey: string; readonly hashes: NameHashes } | undefined

/** The hashes of a thread: those that were worked out for one block serve for the next. */
export function hashesFor(hashKey: Uint8Array): NameHashes {
  const text = Buffer.from(hashKey).toString('latin1')
  if (known?.hashKey !== text) known = { hashKey: text, hashes: new NameHashes(hashKey) }
  return known.hashes
}
