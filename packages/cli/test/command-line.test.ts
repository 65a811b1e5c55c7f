import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommandLine, UsageError } from '../src/command-line.ts'
import type { CommandLine, Group } from '../src/command-line-definition.ts'
import { pieces } from '../src/line-break.ts'

const bootstrap: Group = { isExclusive: true, required: true }
const line: CommandLine = {
  program: 'kafka-example',
  description: 'This tool shows how the lines of a description are broken where they are too long, and filled up with spaces.',
  options: [
    { long: '--version', short: '-v', isShortFirst: true, flag: true, isVersion: true, help: 'show the version' },
    { long: '--bootstrap-server', group: bootstrap, help: 'A broker.' },
    { long: '--bootstrap-controller', group: bootstrap, help: 'A controller.' }
  ],
  commands: [
    {
      name: 'describe',
      help: 'Describe it.',
      options: [
        { long: '--id', short: '-i', required: true, type: 'Integer', help: 'Which.' },
        { long: '--epoch', type: 'Short', help: 'When.' },
        { long: '--all', short: '-a', flag: true, help: 'Everything.', group: { title: 'Scope', description: 'How much is shown' } }
      ]
    },
    { name: 'delete', help: 'Delete it.', options: [{ long: '--feature', repeated: true, help: 'What.' }] }
  ]
}

function reasonOf(...argv: string[]): string {
  try {
    parseCommandLine(line, argv)
  } catch (error) {
    assert.ok(error instanceof UsageError)
    return error.reason
  }
  return 'none'
}

test('names may be cut short, values attached, and short options put together', () => {
  const parsed = parseCommandLine(line, ['--bootstrap-s=a:1', 'desc', '-ai5', '--epo', '-7'])
  assert.ok('arguments' in parsed)
  const { arguments: args, command } = parsed
  assert.deepEqual(
    [command, args.value('--bootstrap-server'), args.integer('--id'), args.integer('--epoch'), args.has('--all')],
    ['describe', 'a:1', 5, -7, true]
  )
  assert.equal(args.integer('--none'), undefined)
})

test('an option may be repeated', () => {
  const parsed = parseCommandLine(line, ['--bootstrap-server', 'a', 'delete', '--feature', 'x=1', '--feature=y=2'])
  assert.ok('arguments' in parsed)
  assert.deepEqual(parsed.arguments.values('--feature'), ['x=1', 'y=2'])
})

test('the version is given although nothing else is', () => {
  const parsed = parseCommandLine(line, ['-v'])
  assert.ok('arguments' in parsed && parsed.arguments.has('--version'))
})

for (const [argv, reason] of [
  [[], 'too few arguments'],
  [['de'], 'ambiguous command: de could match delete, describe'],
  [['descrieb'], "invalid choice: 'descrieb' (choose from 'describe', 'delete')"],
  [['--bootstrap', 'x'], 'ambiguous option: --bootstrap could match --bootstrap-controller, --bootstrap-server'],
  [['--bootstrap-server', '--bootstrap-controller'], 'argument --bootstrap-server: expected one argument'],
  [
    ['--bootstrap-server', 'a', '--bootstrap-controller', 'b'],
    'argument --bootstrap-controller: not allowed with argument --bootstrap-server'
  ],
  [['-b'], "unrecognized arguments: '-b'"],
  [['delete'], 'one of the arguments --bootstrap-server --bootstrap-controller is required'],
  // What is missing is told last.
  [['delete', 'more'], "unrecognized arguments: 'more'"],
  [['--bootstrap-server', 'a', 'describe'], 'argument --id/-i is required'],
  [['--bootstrap-server', 'a', 'describe', '-i', 'x'], 'argument --id/-i: could not convert \'x\' to Integer (For input string: "x")'],
  [
    ['--bootstrap-server', 'a', 'describe', '-i', '3000000000'],
    'argument --id/-i: could not convert \'3000000000\' to Integer (For input string: "3000000000")'
  ],
  [
    ['--bootstrap-server', 'a', 'describe', '--epoch', '40000'],
    'argument --epoch: could not convert \'40000\' to Short (Value out of range. Value:"40000" Radix:10)'
  ],
  [['--bootstrap-server', 'a', 'describe', '--all=yes'], "argument --all/-a: ignore implicit argument 'yes'"]
] as [string[], string][]) {
  test(`${argv.join(' ') || 'nothing'} is refused: ${reason}`, () => assert.equal(reasonOf(...argv), reason))
}

test('the usage comes before what is wrong, and names that are near after it', () => {
  assert.throws(() => parseCommandLine(line, ['--bootstrap-server', 'a', 'describe', '--epohc', '3']), {
    message: `usage: kafka-example (--bootstrap-server BOOTSTRAP_SERVER |
                     --bootstrap-controller BOOTSTRAP_CONTROLLER) describe
                     [-h] --id ID [--epoch EPOCH] [--all]
kafka-example: error: unrecognized arguments: '--epohc'

Did you mean:
	--epoch`
  })
})

test('the help has the layout of Kafka', () => {
  const help = (...argv: string[]): string => (parseCommandLine(line, argv) as { help: string }).help
  assert.equal(
    help('-h'),
    `usage: kafka-example [-h] [-v] (--bootstrap-server BOOTSTRAP_SERVER |
                     --bootstrap-controller BOOTSTRAP_CONTROLLER)
                     {describe,delete} ...

This tool shows how the lines  of  a  description are broken where they are
too long, and filled up with spaces.

positional arguments:
  {describe,delete}
    describe             Describe it.
    delete               Delete it.

optional arguments:
  -h, --help             show this help message and exit
  -v, --version          show the version
  --bootstrap-server BOOTSTRAP_SERVER
                         A broker.
  --bootstrap-controller BOOTSTRAP_CONTROLLER
                         A controller.
`
  )
  assert.match(help('describe', '-h'), /\nScope:\n {2}How much is shown\n\n {2}--all, -a {14}Everything\.\n$/)
})

test("lines are broken where Java's are", () => {
  for (const text of [
    'host1:|port1,|host2:|port2,... |This |config',
    'metadata.|version=5, |3.9-|IV0 |for 1.5 |or |-1',
    'no |--|release-|version  |argument |(multiple |comma-|separated',
    "User:'*' |test@EXAMPLE.|COM. |'NUMBER-', |a|(b)|c |topic1:|0,1,2"
  ])
    assert.deepEqual(pieces(text.replaceAll('|', '')), text.replace('for 1.5', 'for |1.5').split('|'))
})
