import { readFileSync, writeFileSync } from 'node:fs'

/** @param {string} path @param {number} at @param {number} length of 1: a bit is flipped; of more: zeroed */
export function alter(path, at, length) {
  const bytes = readFileSync(path)
  if (length === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
  else bytes.fill(0, at, Math.min(at + length, bytes.length))
  writeFileSync(path, bytes)
}
