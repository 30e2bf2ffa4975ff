import { Cosigner } from '../../src/checkpoint/cosigner.js'
import { Ed25519Signer, formatCheckpoint, formatNote, type NoteSignature } from '../../src/checkpoint/index.js'
import { sealedEntries } from '../../src/testing/sealed-entry.js'
import { hashLeaf, hashNode } from '../../src/tree/index.js'

export const ORIGIN = 'fuzz.example/log'

/** The key of RFC 8032 section 7.1, test 1: it signs nothing that anybody relies on. */
export const PEM = pemOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
export const signer = Ed25519Signer.fromPem(ORIGIN, PEM)
/** That of test 2. */
export const witness = Cosigner.fromPem(
  'fuzz.example/witness',
  pemOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
)

/** The entries of a log of three. */
export const entries: readonly Uint8Array[] = sealedEntries(3, (n) => ({ id: `entry-${n}`, runId: 'run' })).map(
  ({ bytes }) => bytes,
)
export const leafHashes: readonly Uint8Array[] = entries.map(hashLeaf)
const [first, second, third] = leafHashes as [Uint8Array, Uint8Array, Uint8Array]
/** Proves the first entry. */
export const inclusionProof: readonly Uint8Array[] = [second, third]

export const checkpointText: string = formatCheckpoint({
  origin: ORIGIN,
  size: 3n,
  root: hashNode(hashNode(first, second), third),
  extensions: [],
})
export const logSignature: NoteSignature = {
  name: signer.name,
  keyId: signer.keyId,
  signature: signer.sign(Buffer.from(checkpointText)),
}
export const cosignature: NoteSignature = witness.cosign(checkpointText, 1_767_225_600n)
export const checkpointNote: string = formatNote({ text: checkpointText, signatures: [logSignature] })
export const cosignedNote: string = formatNote({ text: checkpointText, signatures: [logSignature, cosignature] })

function pemOf(seed: string): string {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
}
