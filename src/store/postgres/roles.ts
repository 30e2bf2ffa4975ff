/** Group roles that migrating creates, to be granted to those who connect. */
export const WRITER_ROLE = 'spanledger_writer'
export const READER_ROLE = 'spanledger_reader'
