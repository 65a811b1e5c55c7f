/** kafka-broker-api-versions: the requests that each broker knows. Flags, output and exit codes are those of Kafka's tool. */

import { javaStringHash } from '@odradek/base'
import type { Admin, Node, SupportedApiVersions } from '@odradek/client'
import { combinedHash, mapOrder } from '../java.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description: 'A property file containing configs to be passed to Admin Client.'
  },
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server(s) to use for bootstrapping' },
    description: 'REQUIRED: The server to connect to.'
  }
]

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose: 'This tool helps to retrieve broker version information.', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('bootstrap-server')
  const bootstrapServer = options.value('bootstrap-server') as string
  // Kafka's tool has a client of its own here, which does not try for as long.
  const defaults = { 'request.timeout.ms': '5000', 'default.api.timeout.ms': '5000' }
  const target = { bootstrapServer, commandConfig: options.value('command-config'), defaults }
  await withAdmin(target, io, async (admin) => {
    const brokers = await listBrokers(admin, bootstrapServer)
    const { values, errors } = await admin.describeApiVersions(brokers.map(({ id }) => id)).outcomes()
    for (const broker of brokers) {
      const { host, port, id, rack } = broker
      const [error, versions] = [errors.get(String(id)), values.get(String(id)) ?? []]
      const text = error === undefined ? await versionsText(versions) : `ERROR: ${messageOf(error)}`
      io.out(`${host}:${port} (id: ${id} rack: ${rack} isFenced: false) -> ${text}\n`)
    }
  })
  return 0
}

async function listBrokers(admin: Admin, bootstrapServer: string): Promise<readonly Node[]> {
  try {
    return mapOrder((await admin.describeCluster()).nodes, nodeHash)
  } catch (error) {
    if ((error as { code?: string }).code !== 'REQUEST_TIMED_OUT') throw error
    const tried = bootstrapServer.split(',').map((address, index) => `${address.trim()} (id: ${-1 - index} rack: null isFenced: false)`)
    throw new ToolError(`Request METADATA failed on brokers [${tried.join(', ')}]`, 'java.lang.RuntimeException')
  }
}

const FALSE_HASH = 1237

function nodeHash({ host, id, port, rack }: Node): number {
  return combinedHash(javaStringHash(host), id, port, rack === null ? 0 : javaStringHash(rack), FALSE_HASH)
}

async function versionsText(versions: readonly SupportedApiVersions[]): Promise<string> {
  const { apiKeys } = await import('@odradek/protocol')
  const texts = new Map<number, string>()
  for (const [key, { name, listeners }] of apiKeys) if (listeners.includes('broker')) texts.set(key, `${name}(${key}): UNSUPPORTED`)
  for (const { apiKey, minVersion, maxVersion } of versions) {
    const known = apiKeys.get(apiKey)
    const range = minVersion === maxVersion ? minVersion : `${minVersion} to ${maxVersion}`
    const usable = known === undefined ? '' : ` [${usability(known, { minVersion, maxVersion })}]`
    texts.set(apiKey, `${known?.name ?? 'UNKNOWN'}(${apiKey}): ${range}${usable}`)
  }
  const sorted = [...texts].sort(([a], [b]) => a - b).map(([, text]) => text)
  return `(\n\t${sorted.join(',\n\t')}\n)`
}

function usability(ours: { min: number; max: number }, theirs: { minVersion: number; maxVersion: number }): string {
  if (ours.max < theirs.minVersion) return 'unusable: node too new'
  if (theirs.maxVersion < ours.min) return 'unusable: node too old'
  return `usable: ${Math.min(ours.max, theirs.maxVersion)}`
}
