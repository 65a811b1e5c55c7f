const AFTER = '.,:;!?%)\\]}'
const OPENING = '(\\[{'

const places = new RegExp(
  [
    '(?<=\\s)(?=\\S)',
    `(?<=[^\\s${OPENING}'"])(?=[${OPENING}])`,
    // Not within a number.
    `(?<=[${AFTER}])(?<!(?:^|[\\s${OPENING}'":-])\\d+(?:[.,]\\d+)*[.,](?=\\d))(?![\\s${AFTER}'"]|$)`,
    `(?<=-)(?<!(?:^|\\s)-+(?=\\d))(?![\\s'-]|$)`,
    '\\u200b'
  ].join('|')
)

/**
 * Pieces between which Kafka's tools break the lines of their help; the spaces belong to the piece before them. The places are those of
 * Java's line iterator for what occurs in help texts. A `\u200b` is a place too, and vanishes.
 */
export const pieces = (text: string): string[] => text.split(places)
