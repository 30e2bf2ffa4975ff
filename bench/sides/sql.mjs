import { randomUUID } from 'node:crypto'

export const SCHEMA = `
  CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, session TEXT NOT NULL, run TEXT, type TEXT NOT NULL, agent TEXT,
    time TEXT NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX by_session ON entry (session, tenant);
  CREATE INDEX by_run ON entry (run);
  CREATE INDEX by_type ON entry (type);
  CREATE INDEX by_agent ON entry (agent);
  CREATE INDEX by_tenant ON entry (tenant);
  CREATE INDEX by_time ON entry (time);
`
export const PRAGMAS = ['journal_mode = WAL', 'synchronous = FULL']
export const INSERT = 'INSERT INTO entry (tenant, session, run, type, agent, time, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)'

const DEFAULT_SOURCE = { convention: 'append', scope: 'spanledger' }

/** The row of an event, which gets what a log completes as well: its id and its time. */
export function rowOf(event) {
  const time = event.time ?? `${new Date().toISOString().slice(0, -1)}000000Z`
  const { type, tenantId, sessionId, runId, agent, trace, source = DEFAULT_SOURCE, data } = event
  const entry = {
    v: 1,
    id: randomUUID(),
    type,
    time,
    recordedAt: time,
    tenantId,
    sessionId,
    runId,
    agent,
    trace,
    source,
    data,
  }
  return [tenantId, sessionId, runId ?? null, type, agent?.name ?? null, time, Buffer.from(JSON.stringify(entry))]
}
