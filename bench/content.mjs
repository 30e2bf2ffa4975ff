// What the digest of a value, and its digest and encryption, cost beside Node's `createHmac`, and `createHmac` and `createCipheriv`, of the
// same bytes: CPU time, both sides in turns. The digest hashes a value twice by its definition.
//
//   npm run build && node bench/content.mjs
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { DerivedSubjectKey } from '../dist/content/subject-key.js'
import { median } from './measure.mjs'
import { markdown } from './report.mjs'

const SIZES = [64, 300, 1024, 4096, 16_384]
const ROUNDS = 9
const CALLS = 1_000

const secret = randomBytes(32)
const key = new DerivedSubjectKey('00112233445566778899aabbccddeeff', secret)
const binding = { recordedIn: 'example.com/audit', leafHash: randomBytes(32), field: 'data.result' }
const rows = SIZES.map((bytes) => rowOf(randomBytes(bytes)))
const columns = ['bytes', 'digest ×', 'digest µs', 'digest and encryption ×', 'both µs']
console.log(markdown({ title: 'CPU time beside `createHmac`, and `createHmac` and `createCipheriv`', columns, rows }))

function rowOf(value) {
  const hmac = () => createHmac('sha256', secret).update(value).digest('hex')
  const digest = () => key.digest(value)
  const both = () => {
    hmac()
    const cipher = createCipheriv('aes-256-gcm', secret, randomBytes(12))
    cipher.update(value)
    cipher.final()
    cipher.getAuthTag()
  }
  const content = () => {
    key.digest(value)
    key.seal({ bytes: value, kind: 'text' }, binding)
  }
  return [value.length, ...ratio(digest, hmac), ...ratio(content, both)]
}

function ratio(ours, theirs) {
  const [ratios, micros] = [[], []]
  for (let round = -2; round < ROUNDS; round++) {
    const [one, other] = [cpuMicros(ours), cpuMicros(theirs)]
    if (round < 0) continue
    ratios.push(one / other)
    micros.push(one)
  }
  return [median(ratios).toFixed(2), median(micros).toFixed(1)]
}

function cpuMicros(work) {
  const before = process.cpuUsage()
  for (let n = 0; n < CALLS; n++) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CALLS
}
