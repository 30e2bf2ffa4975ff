import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The C library that the fuzzer's binary was linked with, or a newer one. */
const NEEDED_GLIBC = '2.38'
/** The Debian release whose C library is taken where the machine's is older. */
const RELEASE = 'trixie'
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']

/**
 * The command that runs Node.js so that it can load the fuzzer. Where the C library of a Debian machine is older than the
 * one it needs, a newer one is unpacked into the cache beside this file, and Node.js is run with that: nothing is installed.
 *
 * @param {string} here
 * @returns {string[]}
 */
export function nodeCommand(here) {
  const { glibcVersionRuntime: found } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  ).header
  if (found === undefined || isAtLeast(found, NEEDED_GLIBC)) return [process.execPath]
  const libraries = librariesIn(join(here, 'libc'))
  const loader = readdirSync(libraries).find((name) => name.startsWith('ld-linux'))
  return [join(libraries, String(loader)), '--library-path', libraries, process.execPath]
}

/** @param {string} directory */
function librariesIn(directory) {
  const unpacked = join(directory, 'root/usr/lib')
  if (!existsSync(unpacked)) download(directory)
  const [triplet] = readdirSync(unpacked).filter((name) => name.endsWith('-linux-gnu'))
  return join(unpacked, String(triplet))
}

/** @param {string} directory */
function download(directory) {
  for (const path of ['lists/partial', 'archives/partial']) mkdirSync(join(directory, path), { recursive: true })
  const sources = join(directory, 'sources.list')
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
  writeFileSync(sources, `deb [signed-by=${keys}] http://deb.debian.org/debian ${RELEASE} main\n`)
  const options = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::Status': '/dev/null',
    'Dir::Cache': directory,
    'APT::Sandbox::User': 'root',
  }
  const apt = (/** @type {string[]} */ ...args) =>
    execFileSync(
      'apt-get',
      ['-q', ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]), ...args],
      {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
  apt('update')
  apt('download', ...PACKAGES)
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.deb')) execFileSync('dpkg-deb', ['-x', name, 'root'], { cwd: directory })
  }
  for (const name of readdirSync(directory)) {
    if (name !== 'root') rmSync(join(directory, name), { recursive: true })
  }
}

/**
 * @param {string} version
 * @param {string} least
 */
function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}
