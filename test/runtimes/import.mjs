import { fileURLToPath } from 'node:url'
import * as spanledger from 'spanledger'
import * as exporting from 'spanledger/export'
import * as record from 'spanledger/record'
import { flow } from './flow.cjs'

await flow(fileURLToPath(import.meta.url), { ...spanledger, ...record, ...exporting })
