import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import './only-from-here.mjs'

// Run where nothing but the package itself is installed. The note is the example of C2SP signed-note.
assert.deepEqual(readdirSync('node_modules'), ['spanledger'])

const { hashLeaf, openNote, verifyInclusion } = await import('spanledger/verify')
const note = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`
const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
assert.equal(openNote(note, [vkey]).text, 'This is an example message.\n')
const leafHash = hashLeaf(Buffer.from('entry'))
verifyInclusion({ leafHash, index: 0, size: 1, root: leafHash, proof: [] })
await assert.rejects(import('spanledger/record'), /@opentelemetry\/api/)
console.log('spanledger/verify works with nothing else installed')
