import { configInvalid } from './errors.ts'

export interface SubjectContext {
  readonly topic: string | undefined
  readonly isKey: boolean
  /** Full name of the record or message, or title of the JSON Schema; throws CONFIG_INVALID where the schema has none. */
  readonly recordName: () => string
}

/** Under which subject a schema is registered. A function gives undefined when it cannot tell: then nothing can be written. */
export type SubjectNameStrategy = 'TopicName' | 'RecordName' | 'TopicRecordName' | ((context: SubjectContext) => string | undefined)

/** undefined: the strategy needs a topic and there is none. */
export function subjectOf(strategy: SubjectNameStrategy, context: SubjectContext): string | undefined {
  const { topic, isKey, recordName } = context
  if (typeof strategy === 'function') return strategy(context)
  switch (strategy) {
    case 'TopicName':
      return topic === undefined ? undefined : `${topic}-${isKey ? 'key' : 'value'}`
    case 'RecordName':
      return recordName()
    case 'TopicRecordName':
      return topic === undefined ? undefined : `${topic}-${recordName()}`
    default:
      throw configInvalid(`subjectNameStrategy is TopicName, RecordName, TopicRecordName or a function, not ${String(strategy)}`)
  }
}
