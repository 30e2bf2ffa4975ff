export { levelStore } from './store.js'
