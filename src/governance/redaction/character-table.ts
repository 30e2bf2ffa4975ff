/** Returns a table that tells for each ASCII character whether a pattern has it. Others have no entry in it. */
export function characterTable(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => Number(pattern.test(String.fromCharCode(code))))
}
