/** Group roles that migrating creates, to be granted to those who connect. */
export const WRITER_ROLE = 'spanledger_writer'
export const READER_ROLE = 'spanledger_reader'
/** Reads the content of the logs that its members may read otherwise. */
export const CONTENT_READER_ROLE = 'spanledger_content_reader'

/** Runs as the owner; what it calls is what PostgreSQL itself has, or is named in full. */
export const AS_OWNER = 'security definer set search_path = pg_catalog, pg_temp'
