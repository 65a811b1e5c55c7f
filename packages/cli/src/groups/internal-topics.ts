// Topics that Kafka Streams made for an application, by their names.

const endings = ['-changelog', '-repartition', '-subscription-registration-topic', '-subscription-response-topic']
const foreignKeyJoin = /.-KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-\d+-topic$/

export const isInternalTopicOf = (applicationId: string, topic: string): boolean =>
  topic.startsWith(`${applicationId}-`) && (endings.some((ending) => topic.endsWith(ending)) || foreignKeyJoin.test(topic))
