import { Client } from 'pg'
import { nearestName } from '../../events/nearest.js'

/** Parameters of a connection string that `pg` or the server takes. */
const PARAMETERS: ReadonlySet<string> = new Set([
  'application_name',
  'client_encoding',
  'connect_timeout',
  'connectionTimeoutMillis',
  'encoding',
  'fallback_application_name',
  'host',
  'hostaddr',
  'idle_in_transaction_session_timeout',
  'keepalives',
  'keepalives_idle',
  'lock_timeout',
  'options',
  'password',
  'port',
  'query_timeout',
  'ssl',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'statement_timeout',
  'target_session_attrs',
  'user',
  'uselibpqcompat',
])
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const LARGEST_PORT = 65_535

/**
 * Checks a connection string before anything connects by it: `pg` takes some of what cannot be meant as something else,
 * and throws errors of Node.js for the rest.
 *
 * @returns what is wrong with it, in words that tell no part of it but names of parameters
 */
export function problemIn(connectionString: string): string | undefined {
  if (!/^postgres(ql)?:\/\//.test(connectionString)) {
    // A path of a socket and `key=value` are other forms that `pg` knows.
    return problemOfClient(connectionString)
  }
  const [beforeQuery = '', query = ''] = connectionString.split(/\?(.*)/s)
  const authority = beforeQuery.slice(beforeQuery.indexOf('//') + 2).split('/')[0] as string
  const port = /:([^:@\]]*)$/.exec(authority.slice(authority.lastIndexOf('@') + 1))?.[1]
  if (port !== undefined && !isPort(port)) return `its port is no number from 1 to ${LARGEST_PORT}`
  if (/[\s<>"`{}|\\^]/.test(connectionString)) return 'it has a character that a URL writes with %'
  if (!isEncoded(connectionString))
    return 'a % in it is not followed by two hexadecimal digits of UTF-8; write % as %25'
  for (const [name, value] of new URLSearchParams(query)) {
    if (!PARAMETERS.has(name)) {
      const meant = nearestName(name, [...PARAMETERS])
      return `it has an unknown parameter '${name}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`
    }
    if (name === 'port' && !isPort(value)) return `its port is no number from 1 to ${LARGEST_PORT}`
    if (name === 'sslmode' && !SSL_MODES.includes(value)) return `its sslmode is none of ${SSL_MODES.join(', ')}`
  }
  return problemOfClient(connectionString)
}

function isPort(text: string): boolean {
  return text === '' || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= LARGEST_PORT)
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Returns the problem that `pg` itself reports about a file that the connection string names. */
function problemOfClient(connectionString: string): string | undefined {
  try {
    new Client({ connectionString })
    return undefined
  } catch (problem) {
    const { code, path } = problem as NodeJS.ErrnoException
    return path === undefined ? 'it is malformed' : `the file ${path} that it names cannot be read (${code})`
  }
}
