'use strict'
const { flow } = require('./flow.cjs')

flow(__filename, { ...require('spanledger'), ...require('spanledger/record'), ...require('spanledger/export') })
