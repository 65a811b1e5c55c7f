// What RE2, whose expressions the consumer protocol's groups subscribe with, takes as an expression, and its words for what it does not.

const PERL = 'invalid or unsupported Perl syntax'
const ESCAPE = 'invalid escape sequence'
const RANGE = 'invalid character class range'
const BRACKET = 'missing closing ]'
const PAREN = 'missing closing )'
const REPEAT_MAX = 1000
const posixNames = 'alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit'

class SyntaxProblem extends Error {}
const problem = (message: string): SyntaxProblem => new SyntaxProblem(message)

/** undefined: the expression is valid. */
export function re2Problem(source: string): string | undefined {
  try {
    new Scanner(source).scan()
    return undefined
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message
    throw error
  }
}

class Scanner {
  readonly #source: string
  #at = 0
  /** For each group that is open, and the whole: is there something to repeat? */
  readonly #hasOperand: boolean[] = [false]
  readonly #names = new Set<string>()

  constructor(source: string) {
    this.#source = source
  }

  scan(): void {
    let repeated = false
    while (this.#at < this.#source.length) {
      // A brace that is none of a repetition cannot be repeated either.
      const isBrace = this.#source[this.#at] === '{'
      const isRepeat = this.#repeat(repeated)
      if (!isRepeat) this.#other()
      repeated = isRepeat || isBrace
    }
    if (this.#hasOperand.length > 1) throw problem(PAREN)
  }

  /** Takes what matches here. */
  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#source)
    if (match !== null) this.#at += match[0].length
    return match
  }

  #operand(has: boolean): void {
    this.#hasOperand[this.#hasOperand.length - 1] = has
  }

  #repeat(follows: boolean): boolean {
    const match = this.#take(/[*+?]|\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y)
    if (match === null) return false
    const [, from, isRange, to] = match
    const [least, most] = [Number(from ?? 0), Number(to ?? from ?? 0)]
    if (least > REPEAT_MAX || most > REPEAT_MAX || (isRange !== undefined && to !== undefined && least > most))
      throw problem('invalid repeat count')
    this.#take(/\?/y)
    if (follows) throw problem('invalid nested repetition operator')
    if (this.#hasOperand.at(-1) !== true) throw problem('missing argument to repetition operator')
    return true
  }

  #other(): void {
    const first = this.#source[this.#at]
    if (first === '(') this.#open()
    else if (first === ')') this.#close()
    else if (first === '|') {
      this.#at++
      this.#operand(false)
    } else {
      if (first === '[') this.#class()
      else if (first === '\\') this.#escape()
      else this.#take(/./suy)
      this.#operand(true)
    }
  }

  #close(): void {
    if (this.#hasOperand.length === 1) throw problem('regexp/syntax: internal error')
    this.#at++
    this.#hasOperand.pop()
    this.#operand(true)
  }

  #open(): void {
    const flags = this.#take(/\(\?(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)?([:)])/y)
    if (flags?.[1] === ')') return
    if (flags === null && this.#take(/\(\?P?</y) !== null) this.#name()
    else if (flags === null && this.#take(/\((?!\?)/y) === null) throw problem(PERL)
    this.#hasOperand.push(false)
  }

  #name(): void {
    const match = this.#take(/(\w+)>/y)
    if (match === null) throw problem('invalid named capture')
    if (this.#names.has(match[1])) throw problem('duplicate capture group name')
    this.#names.add(match[1])
  }

  #escape(): void {
    if (this.#take(/\\Q.*?(?:\\E|$)/sy) !== null) return
    if (this.#take(/\\[AzbB]/y) !== null || this.#group()) return
    this.#character()
  }

  /** Takes `\d` and `\p{Greek}`. */
  #group(): boolean {
    if (this.#take(/\\[dDsSwW]/y) !== null) return true
    if (this.#take(/\\[pP]/y) === null) return false
    const match = this.#take(/\{([^}]*)\}|([^{])/uy)
    if (match === null || !isUnicodeGroup(match[1] ?? match[2])) throw problem(RANGE)
    return true
  }

  /** Takes an escaped character and gives its code. */
  #character(): number {
    if (this.#source.length === this.#at + 1) throw problem('trailing backslash at end of expression')
    const octal = this.#take(/\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y)
    if (octal !== null) return Number.parseInt(octal[1], 8)
    const hex = this.#take(/\\x(?:([0-9a-f]{2})|\{([0-9a-f]+)\})/iy)
    const code = hex === null ? 0 : Number.parseInt(hex[1] ?? hex[2], 16)
    if (hex !== null && code <= 0x10ffff) return code
    const plain = hex === null ? this.#take(/\\([afnrtv]|[^A-Za-z0-9])/uy) : null
    if (plain === null) throw problem(ESCAPE)
    const control = 'abtnvfr'.indexOf(plain[1])
    return control < 0 ? (plain[1].codePointAt(0) as number) : 7 + control
  }

  #class(): void {
    this.#take(/\[\^?/y)
    for (let isFirst = true; isFirst || this.#source[this.#at] !== ']'; isFirst = false) {
      if (this.#at >= this.#source.length) throw problem(BRACKET)
      const posix = this.#take(/\[:(.*?):\]/sy)
      if (posix !== null && !new RegExp(`^\\^?(?:${posixNames})$`).test(posix[1])) throw problem(RANGE)
      if (posix !== null || this.#group()) continue
      const low = this.#classCharacter()
      if (this.#take(/-(?!\])/y) !== null && this.#classCharacter() < low) throw problem(RANGE)
    }
    this.#at++
  }

  #classCharacter(): number {
    if (this.#source[this.#at] === '\\') return this.#character()
    const match = this.#take(/./suy)
    if (match === null) throw problem(BRACKET)
    return match[0].codePointAt(0) as number
  }
}

function isUnicodeGroup(given: string): boolean {
  const name = given.replace(/^\^/, '')
  if (name === 'Any') return true
  if (!/^\w+$/.test(name)) return false
  try {
    new RegExp(`\\p{${name.length <= 2 ? 'General_Category' : 'Script'}=${name}}`, 'u')
    return true
  } catch {
    return false
  }
}
