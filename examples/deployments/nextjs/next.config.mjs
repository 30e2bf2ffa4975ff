/** The build is moved elsewhere, and LevelDB, a native module, with it: the package is not bundled, so that its files are traced. */
export default { output: 'standalone', serverExternalPackages: ['spanledger'] }
