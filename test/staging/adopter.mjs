// Takes over staging journals into a log of its own, when it is told to, and says what it got:
// node adopter.mjs <compiled sources> <log's directory> <directory of staging journals> <how>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', directory = '', staging = '', how = ''] = process.argv.slice(2)
/** @param {string} path */
const load = (path) => import(pathToFileURL(join(dist, path)).href)
const { adoptStaging } = await load('log/recovery/adopt-staging.js')
const { RecoveryCommits } = await load('log/recovery/recovery-commits.js')
const { levelStore } = await load('store/leveldb/index.js')
const { Sealer } = await load('log/sealing/seal.js')
const { systemClock } = await load('log/sealing/clock.js')

if (how !== '') {
  const { commit } = RecoveryCommits.prototype
  RecoveryCommits.prototype.commit = async function (/** @type {unknown[]} */ ...given) {
    if (how === 'behind the commit') await commit.apply(this, given)
    process.kill(process.pid, 'SIGKILL')
  }
}

const store = levelStore(directory)
await store.open()
process.send?.('ready')
await new Promise((resolve) => process.once('message', resolve))
/** @type {string[]} */
const problems = []
const adopted = await adoptStaging({
  staging,
  store,
  sealer: new Sealer(systemClock(), 'test'),
  journalKey: undefined,
  on: { problem: (/** @type {Error} */ { message }) => void problems.push(message) },
})
const entries = await store.read(Array.from({ length: store.size }, (_, seq) => seq))
const names = []
for (const bytes of entries) {
  const { name } = JSON.parse(Buffer.from(bytes).toString()).data
  if (name !== undefined) names.push(name)
}
await store.close()
process.send?.({ adopted, problems, names })
process.disconnect?.()
