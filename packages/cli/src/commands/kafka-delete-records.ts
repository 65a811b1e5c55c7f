/** kafka-delete-records: deletes the records before an offset. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, RecordsToDelete } from '@odradek/client'
import { JsonInput, readFile } from '../json-input.ts'
import { helpAndVersion, helpTable, type OptionSpec, Options, UsageError } from '../options.ts'
import { javaError, KAFKA_VERSION, messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server(s) to use for bootstrapping' },
    description: 'REQUIRED: The server to connect to.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file path' },
    description: 'A property file containing configs to be passed to Admin Client.'
  },
  {
    name: 'offset-json-file',
    argument: { type: 'String', name: 'Offset json file path' },
    description:
      'REQUIRED: The JSON file with offset per partition. The format to use is:\n{"partitions":\n  [{"topic": "foo", "partition": 1,\n  "offset": 1}],\n "version":1\n}'
  }
]

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const usage = (message: string): number => {
    io.err(`${message}\n${helpTable(specs)}`)
    return 1
  }
  try {
    const options = new Options(specs, argv)
    if (argv.length === 0 || options.has('help'))
      return usage('This tool helps to delete records of the given partitions down to the specified offset.')
    if (options.has('version')) {
      io.out(`${KAFKA_VERSION}\n`)
      return 0
    }
    options.require('bootstrap-server', 'offset-json-file')
    const partitions = readOffsets(options.value('offset-json-file') as string, io)
    const target = { bootstrapServer: options.value('bootstrap-server'), commandConfig: options.value('command-config') }
    await withAdmin(target, io, (admin) => deleteRecords(admin, partitions, io))
    return 0
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message)
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

async function deleteRecords(admin: Admin, partitions: readonly RecordsToDelete[], io: ToolIo): Promise<void> {
  io.out('Executing records delete operation\n')
  const { values, errors } = await admin.deleteRecords(partitions).outcomes()
  io.out('Records delete operation completed:\n')
  for (const { topic, partition } of partitions) {
    const key = `${topic}-${partition}`
    const error = errors.get(key)
    const outcome = error === undefined ? `low_watermark: ${values.get(key)?.lowWatermark}` : `error: ${javaError(error)}`
    io.out(`partition: ${key}\t${outcome}\n`)
  }
}

function readOffsets(path: string, io: ToolIo): readonly RecordsToDelete[] {
  const json = JsonInput.parse(readFile(path, io), 'The input string is not a valid JSON')
  const version = json.optional('version')?.integer() ?? 1
  if (version !== 1) throw new ToolError(`Not supported version field value ${version}`)
  const list = json.optional('partitions')
  if (list === undefined) throw new ToolError('Missing partitions field')
  const partitions = list.items().map((one) => ({
    topic: one.field('topic').string(),
    partition: one.field('partition').integer(),
    beforeOffset: one.field('offset').long()
  }))
  const keys = partitions.map(({ topic, partition }) => `${topic}-${partition}`)
  const repeated = [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))]
  if (repeated.length > 0) throw new ToolError(`Offset json file contains duplicate topic partitions: ${repeated.join(',')}`)
  return partitions
}
