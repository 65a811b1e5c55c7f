// A command whose broker does not answer tries on for as long as its settings say: it tells why nothing happens, now and then.
import { subscribe } from 'node:diagnostics_channel'
import { processIo, type ToolIo, timeOfLog } from './tool.ts'

const INTERVAL_MS = 5_000
let isListening = false

/** `client` is how Kafka's tools name theirs: `Producer clientId=console-producer`. */
export function warnOfUnreachableBrokers(client: string, io: ToolIo): void {
  // Clients of several commands in one process could not be told apart.
  if (io !== processIo || isListening) return
  isListening = true
  let nextMs = 0
  subscribe('odradek:connection:error', (message) => {
    if (Date.now() < nextMs) return
    nextMs = Date.now() + INTERVAL_MS
    const { address, error } = message as { address: string; error: Error }
    io.err(`[${timeOfLog()}] WARN [${client}] Connection to ${address} could not be established: ${error.message}\n`)
  })
}
