// What a command line of Kafka's newer tools is made of.

export interface Option {
  readonly long: string
  readonly short?: string
  /** Kafka names the short one first. */
  readonly isShortFirst?: boolean
  readonly help: string
  readonly required?: boolean
  /** Takes no value. */
  readonly flag?: boolean
  /** Asks for the version: nothing else is looked at. */
  readonly isVersion?: boolean
  /** May be given more than once. */
  readonly repeated?: boolean
  /** What the value is called in usage and help; the name of the option when absent. */
  readonly metavar?: string
  /** Takes all values up to the next option, one at least. */
  readonly isList?: boolean
  /** A number that must fit into that type of Java's. */
  readonly type?: NumberType
  readonly choices?: readonly string[]
  readonly group?: Group
}

export type NumberType = 'Short' | 'Integer' | 'Long' | 'Double'

/** Options belong to the same group by naming the same object. A group with a title stands apart in the help. */
export interface Group {
  /** The options exclude each other. */
  readonly isExclusive?: boolean
  /** Of those that exclude each other one must be given. */
  readonly required?: boolean
  readonly title?: string
  readonly description?: string
}

export interface Command {
  readonly name: string
  /** In the list of commands. */
  readonly help: string
  /** In the help of the command itself. */
  readonly description?: string
  readonly options: readonly Option[]
}

export interface CommandLine {
  readonly program: string
  readonly description: string
  /** Of the program, before the command. */
  readonly options?: readonly Option[]
  readonly commands: readonly Command[]
  /** A heading of their own for the commands, and the word that stands for them in the usage. */
  readonly commandsTitle?: string
  readonly commandsMetavar?: string
}

/** The program, or one of its commands. */
export interface Level {
  readonly line: CommandLine
  readonly command?: Command
  /** With -h. */
  readonly options: readonly Option[]
  readonly commands: readonly Command[]
}
