import type { Signer } from '../../src/checkpoint/index.js'

export const never = () => new Promise<never>(() => {})

/** Returns a signer with the key of another one, which signs by `sign`. */
export function signing({ name, keyId, vkey }: Signer, sign: Signer['sign']): Signer {
  return { name, keyId, vkey, sign }
}
