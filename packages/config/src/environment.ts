/** The environment as container images of Kafka read it: `KAFKA_LOG_DIRS` is log.dirs; `_` is `.`, `__` is `_`, `___` is `-`. */

// Read by Kafka's start scripts and images, not settings.
const notSettings = /^KAFKA_(VERSION|HOME|OPTS|HEAP_OPTS|GC_LOG_OPTS|DEBUG|JAVA_.*|JVM_.*|JMX_.*|LOG4J_.*|TOOLS_LOG4J_.*)$/

export function settingsFromEnvironment(env: Readonly<Record<string, string | undefined>>): Map<string, string> {
  const settings = new Map<string, string>()
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || !/^KAFKA_[A-Z0-9_]+$/.test(variable) || notSettings.test(variable)) continue
    settings.set(settingName(variable.slice('KAFKA_'.length)), value)
  }
  return settings
}

function settingName(text: string): string {
  const marks = ['', '.', '_', '-']
  return text.toLowerCase().replace(/_+/g, (run) => '-'.repeat(Math.floor(run.length / 3)) + marks[run.length % 3])
}
