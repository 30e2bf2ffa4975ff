export { type ContentKeyProvider, contentKeyFile } from '../content/keys/provider.js'
export { type RotateContentKeyOptions, rotateContentKey } from '../content/keys/rotate.js'
