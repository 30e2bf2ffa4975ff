import { AuditLogError } from '../../events/errors.js'
import { rejectUnknownOptions } from '../../events/options.js'
import { sqlState } from './errors.js'
import { type PostgresConnection, requireName } from './options.js'
import { asOwner } from './owner.js'

/** The right of a role to use a log. */
export interface PostgresLogGrant extends PostgresConnection {
  /** The id of the log in the database. The log is created if it is missing. */
  readonly logId: string
  /** The role that gets the right, as the database knows it. Its members have the right, too. */
  readonly role: string
  /**
   * `write`: append to the log, and read it. `read`: read it, and no other log.
   *
   * @defaultValue `write`
   */
  readonly may?: 'read' | 'write'
}

/** A role, and the log for which it loses all rights. */
export type PostgresLogRevocation = Omit<PostgresLogGrant, 'may'>

/**
 * Grants a role the right to write or to read one log. Done by the owner of the tables. The first role that may write
 * a log takes the place of all members of `spanledger_writer`, who may write the logs that version 0.1 left.
 *
 * @throws AuditLogError `AUDIT_OPEN_FAILED`, also when there is no such role
 * @throws TypeError naming an unknown or malformed option
 */
export async function grantLog(options: PostgresLogGrant): Promise<void> {
  const { logId, role, may = 'write', ...connection } = options
  check('grantLog', { logId, role })
  if (may !== 'read' && may !== 'write') throw new TypeError("grantLog: may must be 'read' or 'write'")
  await asOwner('grantLog', connection, async (client, location) => {
    try {
      await client.query('select spanledger.grant_log($1, $2, $3)', [logId, role, may])
    } catch (cause) {
      if (sqlState(cause) !== '42704') throw cause
      throw new AuditLogError('AUDIT_OPEN_FAILED', `${location} has no role '${role}': create it first`, { cause })
    }
  })
}

/**
 * Revokes all rights of a role for one log, except those that it has as a member of other roles. Done by the owner of
 * the tables.
 *
 * @throws AuditLogError `AUDIT_OPEN_FAILED`
 * @throws TypeError naming an unknown or malformed option
 */
export async function revokeLog(options: PostgresLogRevocation): Promise<void> {
  const { logId, role, ...connection } = options
  rejectUnknownOptions('revokeLog', options, ['connectionString', 'pool', 'logId', 'role'])
  check('revokeLog', { logId, role })
  await asOwner('revokeLog', connection, async (client) => {
    await client.query('select spanledger.revoke_log($1, $2)', [logId, role])
  })
}

function check(of: string, { logId, role }: { readonly logId: unknown; readonly role: unknown }): void {
  requireName(of, 'logId', logId)
  requireName(of, 'role', role)
}
