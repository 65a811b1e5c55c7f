export { readProperties, splitOnce } from './kafka-server-start.ts'
export { makePrivateFolder, type RunServerOptions, runServer } from './run-server.ts'
