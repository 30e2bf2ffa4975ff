import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import type { SharedStore } from '../store/shared.js'
import { placeOf, SYNCHRONOUS } from './command.js'
import type { Arguments } from './options.js'
import type { Io } from './output.js'
import { storeAt } from './postgres.js'

/** A log whose store is asked itself, opened for reading: as it is at one moment. */
export type OpenedStore =
  | { readonly store: SnapshotStore; readonly directory: string }
  | { readonly store: SharedStore; readonly directory: undefined }

export async function withStore(args: Arguments, io: Io, use: (opened: OpenedStore) => Promise<void>): Promise<void> {
  const place = placeOf(args, io)
  if ('directory' in place) {
    const store = await SnapshotStore.open(place.directory, SYNCHRONOUS)
    return await use({ store, directory: place.directory }).finally(() => store.close())
  }
  const store = await storeAt(place.url)
  await store.openForReading()
  await use({ store, directory: undefined }).finally(() => store.close())
}
