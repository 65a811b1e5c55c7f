const AFTER = '.,:;!?%)\\]}'
const OPENING = '(\\[{'

const places = new RegExp(
  [
    '(?<=\\s)(?=\\S)',
    `(?<=[^\\s${OPENING}'"])(?<![${AFTER}]-)(?=[${OPENING}])`,
    // Not within a number.
    `(?<=[${AFTER}])(?<!(?:^|[\\s${OPENING}'":-])\\d+(?:[.,]\\d+)*[.,](?=\\d))(?![\\s${AFTER}'"]|$)`,
    `(?<=-)(?<!(?:^|\\s)-+(?=\\d))(?<![${AFTER}]-(?=[\\d${OPENING}]))(?![\\s'-]|$)`,
    // After a number with a sign.
    `(?<=[${AFTER}]-\\d+)(?![\\d\\s${AFTER}'"]|$)`
  ].join('|')
)

/**
 * Pieces between which Kafka's tools break the lines of their help; the spaces belong to the piece before them. The places are those of
 * Java's line iterator for what occurs in help texts.
 */
export const pieces = (text: string): string[] => text.split(places)
