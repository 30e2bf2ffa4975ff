import type { AuditStore } from './contract.js'

/** What reading needs of a store: all of it takes what was committed as it is, and changes nothing. */
export type ReadableStore = Pick<
  AuditStore,
  | 'location'
  | 'id'
  | 'size'
  | 'root'
  | 'checkpoint'
  | 'removedEntries'
  | 'removedUnder'
  | 'entries'
  | 'read'
  | 'postings'
  | 'countPostings'
  | 'firstOfEach'
  | 'timeBlocks'
  | 'runRows'
  | 'readTiles'
  | 'indexes'
>
