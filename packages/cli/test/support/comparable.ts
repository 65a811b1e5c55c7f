// What cannot be the same in two runs of one tool, taken out of its text: sizes, offsets and times of a node, and the order in which
// Java's sets of enums come, which is another in every process.

const sorted = (text: string): string =>
  text
    .replace(/\[[A-Z_]+(?:, [A-Z_]+)+\]/g, (list) => list.slice(1, -1).split(', ').sort().join(' '))
    .replace(/^ \t/gm, '\t')
    .split('\n')
    .sort()
    .join('\n')

const sortedNames = (names: string): string => names.split(', ').sort().join(', ')

/** Consumers without a group leave one behind, and not all of their runs are made again; sets come in any order. */
const withoutChanceGroups = (text: string): string =>
  text
    .replace(/^\nGROUP .*\nconsole-consumer-\S+ .*\n/gm, '')
    .replace(/^(\nConsumer group ')?console-consumer-.*\n/gm, '')
    .replace(/'console-consumer-[^']*'(?:, )?/g, '')
    .replace(/(?<=Deletion of requested consumer groups \().*(?=\) was)/, (names) => sortedNames(names.replace(/, $/, '')))
    .replace(/(?<=Valid states are: ).*/, sortedNames)
    .replace(/\[[\w-]+\](?:, \[[\w-]+\])+/, sortedNames)

const byTool: Readonly<Record<string, (text: string) => string>> = {
  'kafka-acls': sorted,
  'kafka-broker-api-versions': (text) => text.replace(/^\S+ (?=\(id: )/gm, '<BOOTSTRAP> '),
  'kafka-consumer-groups': withoutChanceGroups,
  'kafka-delegation-tokens': (text) => text.replace(/[A-Za-z0-9+/]{86}==/g, '<HMAC>').replace(/\d{4}-\d\d-\d\dT\d\d:\d\d/g, '<DATE>'),
  'kafka-features': (text) => text.replace(/Epoch: \d+/g, 'Epoch: <N>'),
  'kafka-log-dirs': (text) => text.replace(/"size":\d+/g, '"size":<N>').replace(/"logDir":"[^"]*"/g, '"logDir":"<LOGDIR>"'),
  'kafka-metadata-quorum': (text) =>
    text
      .replace(/(?<=^HighWatermark: +)\d+/gm, '<N>')
      .replace(/(?<=^\d+ +\t\S+ *\t)\d+ *(?=\t)/gm, '<N>')
      .replace(/\d{13}/g, '<MS>')
      .replace(/\d+ ms ago +/g, '<N> ms ago')
      .replace(/CONTROLLER:\/\/[^"]*/g, 'CONTROLLER://<CONTROLLER>'),
  'kafka-reassign-partitions': (text) => text.replace(/"log_dirs":\["[^"]*[/>][^"]*"\]/g, '"log_dirs":["<LOGDIR>"]'),
  'kafka-transactions': (text) =>
    text
      .replace(/^\d+ *(?=\t)/gm, '<N>')
      .replace(/\d{13}/g, '<MS>')
      // How long a transaction has run.
      .replace(/(?<=[a-z] *\t\d+ *\t<MS> *\t)(?:\d+|<N>) *(?=\t)/g, '<N>')
}

/** Of an exception that Java printed after its message: class, frames and causes. */
const trace = /^(?:[\w$]+\.)+[\w$]+(?:: .*)?\n\t<STACK>\n(?:Caused by: .*\n(?:\t<STACK>\n)?|\tSuppressed: .*\n)*\n*/gm
const withoutFrames = /^(.*: )?(.*)\n(?:[\w$]+\.)+[\w$]+: \2\n\n*/gm

export function comparable(tool: string, text: string): string {
  const said = text.replace(trace, '').replace(withoutFrames, '$1$2\n')
  return byTool[tool]?.(said) ?? said
}
