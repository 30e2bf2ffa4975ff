import { types } from 'node:util'

/** Defines a member like any other. An assignment would set the prototype where the name is `__proto__`. */
export function defineMember(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Returns the names of an object's own members. An error's name and message count as members, which they are not to JSON. */
export function memberNames(source: object): string[] {
  const names = Object.keys(source)
  return source instanceof Error ? [...new Set(['name', 'message', ...names])] : names
}

/** Tells whether an object keeps its content where JSON does not look. */
export function isOpaque(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isPromise(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isBoxedPrimitive(value)
  )
}
