export {
  type Checkpoint,
  type CheckpointTrust,
  type Cosignature,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from './checkpoint.js'
export { hexKeyId, isKeyName } from './key.js'
export {
  formatNote,
  isSignedBy,
  MAX_NOTE_BYTES,
  type Note,
  type NoteSignature,
  type OpenedNote,
  openNote,
  parseNote,
  signNote,
} from './note.js'
export { formatReceipt, parseReceipt, type Receipt } from './receipt.js'
export { Ed25519Signer, type ExternalKey, externalSigner, renamedSigner, type Signer } from './signer.js'
export { type Verifier, verifierFromVkey } from './verifier.js'
