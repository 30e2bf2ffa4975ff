import type { AuditStore } from '../../src/store/contract.js'

/** A store that counts the entries which are read of it. */
export function countingReads(store: AuditStore): { readonly store: AuditStore; readonly read: () => number } {
  let count = 0
  const read: AuditStore['read'] = (seqs) => {
    count += seqs.length
    return store.read(seqs)
  }
  const entries: AuditStore['entries'] = async function* (walk) {
    for await (const chunk of store.entries(walk)) {
      count += chunk.length
      yield chunk
    }
  }
  const replaced: Partial<AuditStore> = { read, entries }
  const get = (target: AuditStore, name: keyof AuditStore) => {
    const value = replaced[name] ?? Reflect.get(target, name, target)
    return typeof value === 'function' && !(name in replaced) ? value.bind(target) : value
  }
  return { store: new Proxy(store, { get: get as ProxyHandler<AuditStore>['get'] as never }), read: () => count }
}
