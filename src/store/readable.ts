import type { AuditStore } from './contract.js'

/** The part of a store that reading needs: it changes nothing. */
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
  | 'content'
  | 'postings'
  | 'countPostings'
  | 'firstOfEach'
  | 'timeBlocks'
  | 'runRows'
  | 'readTiles'
  | 'indexes'
>
