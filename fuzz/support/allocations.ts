import { Finding } from './oracle.js'

/** Bytes that no parser needs at once for an input of the fuzzer: 16 blocks of the largest kind. */
const MAX_BYTES = 32 * 1024 * 1024

/*
 * A length that an input states must not become memory. The operating system hands out pages that nobody has touched for
 * free, so that the fuzzer's own limit does not see them: what is asked for is looked at here.
 */
for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
  const allocate = Buffer[name] as (size: number, ...rest: unknown[]) => Buffer<ArrayBuffer>
  Buffer[name] = (size: number, ...rest: unknown[]) => {
    if (size > MAX_BYTES) throw new Finding(`Buffer.${name}(${size}): an input of the fuzzer is not worth that memory`)
    return allocate.call(Buffer, size, ...rest)
  }
}
